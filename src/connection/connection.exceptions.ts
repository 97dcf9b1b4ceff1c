/** A connection carries one hub stream, so that the client has one cursor. */
export class SecondStreamException extends Error {
  override readonly name = 'SecondStreamException';

  constructor() {
    super(
      'This connection already carries a hub stream, and a client has one cursor. List all topics in one stream: hub.stream({ topics: [a, b], for: connection }).',
    );
  }
}

/** A handler, or what it returned, cannot be served; the message says what to change. */
export class SseRouteException extends Error {
  override readonly name = 'SseRouteException';
}

/** A method with `@OnSseConnect()` or `@OnSseDisconnect()` cannot be called; thrown at start. */
export class InvalidHookException extends Error {
  override readonly name = 'InvalidHookException';
}

/** What a route says whose application has no SseModule. */
export const MISSING_MODULE =
  'A route uses @Sse() of nestjs-sse-hub, but SseModule is not imported. Add SseModule.forRoot() to the imports of your root module.';
