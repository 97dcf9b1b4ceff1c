// `npm test`: everything, each step also when an earlier one failed.
// `npm test -- --short`: what may differ on another version of Node.
// `npm run jest -- test/module.spec.ts`: some tests only.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const results = join(tmpdir(), `jest-results-${process.pid}.json`);
const short = process.argv.includes('--short');

/** What npm does not install, and the tests that need it. */
const BINARIES = [
  { names: ['curl'], tests: ['test/browser', 'test/docs', 'test/sample'] },
  {
    names: ['chromium', 'chromium-browser', 'google-chrome'],
    path: process.env.CHROMIUM_PATH,
    tests: ['test/browser'],
  },
  // The tests start their own servers; that of the system need not run.
  {
    names: ['redis-server'],
    tests: [
      'test/redis',
      'test/faults',
      'test/nodes',
      'test/sample/two-nodes.spec.ts',
    ],
  },
  // That test does without, with a proxy of its own.
  { names: ['nginx'], tests: [] },
];

/** These do not depend on the version of Node. */
const NOT_SHORT = ['test/browser', 'test/docs', 'test/package'];

const notShort = short ? NOT_SHORT : [];
const missing = BINARIES.filter(
  ({ names, path, tests }) =>
    !tests.every((test) => notShort.includes(test)) &&
    !path &&
    !names.some(onPath),
);
const leftOut = [
  ...new Set([...notShort, ...missing.flatMap(({ tests }) => tests)]),
];
const failed = [];

heading(`Node ${process.version}${short ? ', a short round' : ''}`);
for (const { names } of missing) {
  console.log(`not on the PATH: ${names.join(' or ')}`);
}
// Only a developer may do without.
if (process.env.CI === 'true' && missing.length > 0) failed.push('programs');
sayWhatIsLeftOut();

step('build of the package', 'npm run build');
step('build of the samples', 'npm run build --workspaces');
if (!short) {
  step('types', 'npm run types');
  step('lint', 'npm run lint');
  step('format', 'npm run format:check');
}
step('tests', `npm run jest -- ${jestOptions()}`);

// Here, because jest's summary is the last that one sees.
sayWhatIsLeftOut();
if (failed.length > 0) console.log(`\nFAILED: ${failed.join(', ')}`);
console.log(`\n${summary()}`);
process.exitCode = failed.length > 0 ? 1 : 0;

function step(name, command) {
  heading(name);
  const start = performance.now();
  const { status } = spawnSync(command, {
    cwd: root,
    shell: true,
    stdio: 'inherit',
  });
  if (status !== 0) failed.push(name);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`${name}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
}

function heading(text) {
  console.log(`\n==== ${text} ====`);
}

function sayWhatIsLeftOut() {
  if (leftOut.length > 0) console.log(`\nleft out: ${leftOut.join(', ')}`);
}

function onPath(name) {
  return process.env.PATH.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function jestOptions() {
  // The option replaces jest's own default, hence node_modules.
  const ignored = [
    '/node_modules/',
    ...leftOut.map(
      (path) => `${root}/${path}${path.endsWith('.ts') ? '$' : '/'}`,
    ),
  ];
  return [
    '--json',
    `--outputFile=${results}`,
    ...ignored.map((path) => `--testPathIgnorePatterns='${path}'`),
  ].join(' ');
}

function summary() {
  try {
    const found = JSON.parse(readFileSync(results, 'utf8'));
    rmSync(results);
    // A file that does not even load has no tests that could fail.
    const failures = found.numFailedTests + found.numRuntimeErrorTestSuites;
    return `tests: ${found.numPassedTests} passed, ${failures} failed`;
  } catch {
    return 'tests: none, jest has not run';
  }
}
