import type { Failure, FailureCode } from './messages.ts';

/** The file cannot be used, for a reason that SQLite does not know. */
export class FileFailure extends Error {
  readonly failure: Failure;

  constructor(code: FailureCode, summary: string, hint: string) {
    super(summary);
    this.failure = { code, summary, hint };
  }
}

/** What SQLite's primary result codes mean for an operator. */
const BY_RESULT_CODE: Readonly<Record<number, Failure>> = {
  5: {
    code: 'busy',
    summary: 'another program holds the file for writing',
    hint: 'End its transaction. It goes on by itself.',
  },
  8: {
    code: 'read-only',
    summary: 'the file cannot be written',
    hint: 'Let this process write the file, its folder and the file system.',
  },
  10: {
    code: 'failed',
    summary: 'the disk has reported an error, or a limit of file sizes',
    hint: 'Look at the disk, the limits of the process and the log of the system. It is tried again.',
  },
  11: {
    code: 'damaged',
    summary: 'the file is damaged',
    hint: 'Stop the application, move the file and those beside it away (or restore a backup and delete the "-lock" file) and start again.',
  },
  13: {
    code: 'full',
    summary: 'the disk is full',
    hint: 'Make room. It goes on by itself.',
  },
  14: {
    code: 'cannot-open',
    summary: 'the file cannot be opened',
    hint: 'Make its folder, and let this process read and write there.',
  },
  26: {
    code: 'not-a-log',
    summary: 'the file is no database',
    hint: 'Name another file.',
  },
};

/** Why an operation on the file has failed. */
export function failureOf(error: unknown): Failure {
  if (error instanceof FileFailure) {
    return error.failure;
  }
  return (
    BY_RESULT_CODE[resultCode(error)] ?? {
      code: 'failed',
      summary: `the file cannot be used (${reasonOf(error)})`,
      hint: 'It is tried again.',
    }
  );
}

/** Messages of the file system name the path. */
function reasonOf(error: unknown): string {
  const { syscall, code, message } = error as NodeJS.ErrnoException;
  return syscall === undefined ? (message ?? String(error)) : `${code}`;
}

/** Whether SQLite could not lock what another connection has locked. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === 5;
}

/** Whether SQLite found something else than what it once wrote. */
export function isDamaged(error: unknown): boolean {
  return [11, 26].includes(resultCode(error));
}

/** The primary code is the low byte ("Result and Error Codes" of SQLite). */
function resultCode(error: unknown): number {
  return ((error as { errcode?: number }).errcode ?? 0) & 0xff;
}
