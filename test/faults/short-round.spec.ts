import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Trial } from './trial.js';
import { SHORT } from './scales.js';
import { faultsOf } from './schedule/catalogue.js';
import { Dice } from './schedule/dice.js';

const root = process.cwd();
const folder = join(root, `node_modules/.cache/faults/spec-${process.pid}`);
const seed = Number(process.env.FAULTS_SEED ?? Date.now() % 1e6);

/** SQLite comes with Node, from this version on. */
const [major, minor] = process.versions.node.split('.').map(Number);
const hasSqlite = major! > 22 || (major === 22 && minor! >= 13);

beforeAll(() => {
  if (!existsSync(join(root, 'dist/index.js'))) {
    throw new Error('The nodes run the built package: npm run build');
  }
  execFileSync(process.execPath, ['test/faults/compile.mjs', folder]);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(hasSqlite ? (['redis', 'sqlite'] as const) : ['redis' as const])(
  `With %s, every promise holds (repeat with FAULTS_SEED=${seed})`,
  (log) => {
    const dice = new Dice(seed);
    let trial: Trial;

    beforeAll(async () => {
      const program = pathToFileURL(join(folder, 'test/faults/app/main.js'));
      trial = await Trial.start({ ...SHORT, log, seed, program });
    });

    afterAll(() => trial?.dispose());

    it.each(faultsOf(log).map((fault) => [fault.name, fault] as const))(
      'over %s',
      async (_, fault) => {
        await trial.play(fault, dice.fork());
        await trial.recover();
        expect(trial.complaints).toEqual([]);
      },
    );

    it('for every event and every client', async () => {
      expect(await trial.finish()).toEqual([]);
    });
  },
);
