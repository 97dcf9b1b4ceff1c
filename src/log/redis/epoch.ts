/** Milliseconds in base 36: enough until the year 5188. */
const TIME_WIDTH = 9;

/** The part of an epoch without a generation that is chance, at its end. */
export const ROOT_SALT_WIDTH = 4;

const GENERATION_SALT_WIDTH = 3;

/** The part of an epoch that the histories have in common which were one once. */
export const ROOT_WIDTH = TIME_WIDTH + ROOT_SALT_WIDTH;

/**
 * Names a history that begins with nothing.
 *
 * An epoch is a root, and behind it a generation once the history has lost its newest entries: `root` →
 * `root` + `generation` → `root` + a later generation. So two epochs tell whether they share their
 * past, and of those that do the later is the greater in byte order.
 *
 * @param now in milliseconds since the Unix epoch
 */
export function newEpoch(now: number, random: () => number): string {
  return time(now) + salt(ROOT_SALT_WIDTH, random);
}

/** Names what a history goes on as after it has lost its newest entries. */
export function nextEpoch(
  epoch: string,
  now: number,
  random: () => number,
): string {
  const generation = epoch.slice(ROOT_WIDTH, ROOT_WIDTH + TIME_WIDTH);
  // A clock that was put back must not give a lower one.
  const least = generation === '' ? 0 : parseInt(generation, 36) + 1;
  return (
    epoch.slice(0, ROOT_WIDTH) +
    time(Math.max(now, least)) +
    salt(GENERATION_SALT_WIDTH, random)
  );
}

/** Whether text names a history of this log. */
export function isEpoch(text: string): boolean {
  return /^[0-9a-z]+$/.test(text) && text.length >= ROOT_WIDTH;
}

function time(ms: number): string {
  return ms.toString(36).padStart(TIME_WIDTH, '0');
}

function salt(width: number, random: () => number): string {
  return Math.floor(random() * 36 ** width)
    .toString(36)
    .padStart(width, '0');
}
