/** How somebody is shown, which follows from the id alone. */
export interface Person {
  name: string;
  /** At most two letters. */
  initials: string;
  /** A hue, in degrees. */
  hue: number;
  /** A guest, whom a cookie proves. Any other id is what somebody says. */
  isGuest: boolean;
}

export function personOf(id: string): Person {
  const isGuest = id.includes('~');
  const words = isGuest ? id.split('~')[0].split('-').map(capitalized) : [id];
  return {
    name: words.join(' '),
    initials: isGuest
      ? words.map(([first]) => first).join('')
      : id.slice(0, 2).toUpperCase(),
    hue: hueOf(id),
    isGuest,
  };
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function hueOf(id: string): number {
  let hash = 0;
  for (const character of id) {
    hash = (hash * 31 + character.codePointAt(0)!) % 360;
  }
  return hash;
}
