import assert from 'node:assert/strict';
import type { Ability, ContractCase, Trial } from './trial.js';

const ABILITIES: readonly Ability[] = [
  'another',
  'restart',
  'loseHistory',
  'engine',
];

/** Else promises that a log makes would be left out of its list in silence. */
export function abilityCase(has: readonly Ability[]): ContractCase {
  return {
    name: `the suite knows what the log can: ${has.join(', ') || 'nothing but one process'}`,
    // oxlint-disable-next-line typescript/require-await
    async run({ subject }: Trial) {
      const { durable, shared } = subject.log.capabilities;
      assert.equal(typeof durable, 'boolean', 'capabilities.durable');
      assert.equal(typeof shared, 'boolean', 'capabilities.shared');
      const given = ABILITIES.filter((ability) => subject[ability]);

      assert.deepEqual(
        ABILITIES.filter((ability) => has.includes(ability)),
        given,
        'the option "has" names what the log under test gives',
      );
      assert.equal(
        given.includes('another'),
        shared,
        'a log that is shared is tested with "another", and no other is',
      );
      assert.equal(
        given.includes('restart'),
        durable,
        'a log that is durable is tested with "restart", and no other is',
      );
    },
  };
}
