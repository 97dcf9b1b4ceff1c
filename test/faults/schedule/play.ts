import type { Trial } from '../trial.js';
import { Dice } from './dice.js';
import type { Fault } from './fault.js';

/** How often two faults are made at a time. */
const TWO_AT_A_TIME = 0.35;

/**
 * Makes faults by chance until the time is over: the seed says which, in which order and how
 * long they last.
 *
 * @param duration in milliseconds
 */
export async function playByChance(
  trial: Trial,
  faults: readonly Fault[],
  duration: number,
): Promise<void> {
  const dice = new Dice(trial.options.seed);
  const end = Date.now() + duration;
  while (Date.now() < end) {
    const first = dice.pick(faults);
    const others = faults.filter(({ at, alone }) => at !== first.at && !alone);
    const both =
      dice.chance(TWO_AT_A_TIME) && !first.alone && others.length > 0;
    const second = both ? dice.pick(others) : undefined;
    const [one, two, after, quiet] = [
      dice.fork(),
      dice.fork(),
      dice.between(0, 2_000),
      dice.between(300, 2_000),
    ];
    await Promise.all([
      trial.play(first, one),
      second && trial.wait(after).then(() => trial.play(second, two)),
    ]);
    await trial.recover();
    await trial.wait(quiet);
  }
}
