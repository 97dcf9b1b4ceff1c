import { spawnSync } from 'node:child_process';

const UNSHARE = ['unshare', '--mount', '--map-root-user', 'sh', '-c'];

/** Whether this machine lets a process have mounts of its own. */
export const canMount =
  spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), 'mount -t tmpfs tmpfs /tmp'])
    .status === 0;

/** Runs a command where only it sees the mounts that a script makes before. */
export function withMounts(script: string): readonly string[] {
  return [...UNSHARE, `${script} && exec "$@"`, 'sh'];
}
