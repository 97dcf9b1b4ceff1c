/** A segment that no pattern names: only wildcards match it. */
const UNNAMED = ' ';

/** Whether some topic is matched by both patterns. A topic is a pattern that matches itself. */
export function overlaps(pattern: string, other: string): boolean {
  return overlap(pattern.split('.'), other.split('.'));
}

/**
 * Whether every topic that `other` matches is matched by `pattern`. Both are taken as if
 * topics could be of any length.
 *
 * Topics of segments that `pattern` does not name are the hardest to match, because only
 * wildcards do. So it is enough to try `other` with such segments for its wildcards. How
 * many of them stand for a `**` is settled by none and by more than `pattern` could match one
 * by one: with none, every distance that `pattern` asks for is there; with so many,
 * everything that `pattern` names is found on either side of them. What holds for
 * both holds for any number in between.
 */
export function covers(pattern: string, other: string): boolean {
  const cover = pattern.split('.');
  return hardestTopics(other.split('.'), cover.length + 1).every((topic) =>
    overlap(cover, topic),
  );
}

function hardestTopics(
  pattern: readonly string[],
  many: number,
): readonly (readonly string[])[] {
  const fillings = [[], Array<string>(many).fill(UNNAMED)];
  let topics: (readonly string[])[] = [[]];
  for (const segment of atLeastOne(pattern)) {
    const choices =
      segment === '**' ? fillings : [[segment === '*' ? UNNAMED : segment]];
    topics = topics.flatMap((topic) =>
      choices.map((choice) => [...topic, ...choice]),
    );
  }
  return topics;
}

/** No topic is empty, though a pattern of nothing but `**` could be. */
function atLeastOne(pattern: readonly string[]): readonly string[] {
  return pattern.every((segment) => segment === '**') ? ['*', '**'] : pattern;
}

/**
 * Keeps, segment by segment of the one, at which segments of the other both can
 * be with a common topic so far; so its time is the product of the lengths.
 */
function overlap(one: readonly string[], other: readonly string[]): boolean {
  let here = Array<boolean>(other.length + 1).fill(false);
  here[0] = true;
  passMany(other, here);
  for (const segment of one) {
    const next = Array<boolean>(other.length + 1).fill(false);
    for (let at = 0; at <= other.length; at++) {
      if (segment === '**') {
        next[at] = here[at]! || (at > 0 && next[at - 1]!);
      } else if (here[at] && other[at] === '**') {
        next[at] = true;
      } else if (at > 0 && here[at - 1] && agree(segment, other[at - 1]!)) {
        next[at] = true;
      }
    }
    passMany(other, next);
    here = next;
  }
  return here[other.length]!;
}

/** A `**` may stand for nothing. */
function passMany(pattern: readonly string[], reached: boolean[]): void {
  for (let at = 0; at < pattern.length; at++) {
    reached[at + 1] ||= reached[at]! && pattern[at] === '**';
  }
}

function agree(one: string, other: string): boolean {
  return one === other || one === '*' || other === '*';
}
