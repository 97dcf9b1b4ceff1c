const KEY = Buffer.from('"number":');
const DIGITS = 8;
const LENGTH = KEY.length + DIGITS;
const NEWLINE = 0x0a;
const ZERO = 0x30;

/** The smallest number of {@link DIGITS} digits: all numbers are equally long, so that their end need not be looked for. */
export const FIRST_NUMBER = 10 ** (DIGITS - 1);

/** Finds the events' numbers in the bytes of one connection, without parsing the rest. */
export class NumberScanner {
  private rest: Buffer | undefined;

  constructor(private readonly found: (number: number) => void) {}

  scan(read: Buffer): void {
    const bytes = this.rest ? Buffer.concat([this.rest, read]) : read;
    let end = 0;
    let start = bytes.indexOf(KEY);
    while (start !== -1 && start + LENGTH <= bytes.length) {
      end = start + LENGTH;
      this.found(numberAt(bytes, start + KEY.length));
      start = bytes.indexOf(KEY, end);
    }
    // A write ends with a newline: only a read that ends elsewhere can have cut a number in two.
    this.rest =
      bytes[bytes.length - 1] === NEWLINE
        ? undefined
        : Buffer.from(bytes.subarray(Math.max(end, bytes.length - LENGTH + 1)));
  }
}

function numberAt(bytes: Buffer, start: number): number {
  let number = 0;
  for (let index = start; index < start + DIGITS; index++) {
    number = number * 10 + bytes[index] - ZERO;
  }
  return number;
}
