// `npm test`: everything, each step also when an earlier one failed.
// `npm test -- --short`: what may differ on another version of Node.
// `npm run jest -- test/module.spec.ts`: some tests only.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  rmSync,
} from 'node:fs';
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
      'test/sample/accounts-log-away.spec.ts',
      'test/sample/chat-on-redis.spec.ts',
      'test/sample/two-nodes.spec.ts',
    ],
  },
];

/**
 * What a short round runs. Another version of Node may change how HTTP, sockets, timers, async contexts and
 * modules behave, the engine under our own code, and `node:sqlite`; so: every unit, the promises of the design,
 * what touches the wire, each log, and the package as it is imported. It cannot change what
 * we decide (who may listen, what a page looks like, what the documentation says), and
 * the long random races try many interleavings, for which one version is as good as another.
 */
const SHORT = [
  'src',
  'test/invariants',
  'test/application-context.spec.ts',
  'test/connection.spec.ts',
  'test/http2.spec.ts',
  'test/module.spec.ts',
  'test/testing',
  'test/shutdown.spec.ts',
  'test/slow-client.spec.ts',
  'test/transport.spec.ts',
  'test/log-contract',
  'test/log-sqlite',
  'test/redis/contract.spec.ts',
  'test/package/subpaths.spec.ts',
];

/** A race of half a minute, in what a short round runs. */
const LONG = ['test/invariants/no-loss-no-double.spec.ts'];

const moved = [...SHORT, ...LONG].filter(
  (path) => !existsSync(join(root, path)),
);
// Else what was moved would be left out in silence.
if (moved.length > 0) throw new Error(`not there: ${moved.join(', ')}`);

const isWanted = (path) =>
  !short || SHORT.some((wanted) => wanted === path || isIn(path, wanted));
const missing = BINARIES.filter(
  ({ names, path, tests }) =>
    tests.some(isWanted) && !path && !names.some(onPath),
);
const leftOut = [
  ...new Set([
    ...(short ? LONG : []),
    ...missing.flatMap(({ tests }) => tests),
  ]),
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
if (!short) {
  step('build of the samples', 'npm run build --workspaces');
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

/** Whether one of two paths contains the other. */
function isIn(path, wanted) {
  return wanted.startsWith(`${path}/`) || path.startsWith(`${wanted}/`);
}

function heading(text) {
  console.log(`\n==== ${text} ====`);
}

function sayWhatIsLeftOut() {
  if (short) console.log(`\nonly: ${SHORT.join(', ')}`);
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
    ...leftOut.map((path) => `${root}/${path}`),
  ];
  const wanted = short ? SHORT : [];
  return [
    // First: jest's options with lists take what follows them.
    ...wanted.map((path) => `'${root}/${path}'`),
    // jest would leave one core to itself, which has nothing to do while the tests run.
    '--maxWorkers=100%',
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
