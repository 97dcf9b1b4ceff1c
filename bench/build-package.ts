import { spawnSync } from 'node:child_process';

/** @throws Error when the package does not build */
export function buildPackage(): void {
  const { status, stdout } = spawnSync('npm', ['run', '--silent', 'build'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm run build has failed\n${stdout}`);
}
