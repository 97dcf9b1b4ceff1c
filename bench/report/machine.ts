import { cpus, release, totalmem, type } from 'node:os';

export interface Machine {
  node: string;
  system: string;
  processor: string;
  cores: number;
  /** In GiB. */
  memory: number;
}

export function machine(): Machine {
  return {
    node: process.version,
    system: `${type()} ${release()} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: Math.round(totalmem() / 1024 ** 3),
  };
}
