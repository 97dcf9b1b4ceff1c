/** What a test waits for or expects of a stream is not so; the message shows what arrived. */
export class SseTestException extends Error {
  override readonly name: string = 'SseTestException';
}

/** What a test waits for did not come in time; the message shows what did. */
export class SseTestTimeoutException extends SseTestException {
  override readonly name = 'SseTestTimeoutException';
}
