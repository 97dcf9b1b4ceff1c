export function EmptyChat() {
  return (
    <div className="notice">
      <h3>No messages yet</h3>
      <p>Write the first one below, or from a terminal:</p>
      <pre>
        {`curl -X POST '${location.origin}/message?id=1234' \\
  -H 'Content-Type: application/json' \\
  -d '{"message":"Hi"}'`}
      </pre>
    </div>
  );
}

export function NotLoaded({ onRetry }: { onRetry: () => void }) {
  return (
    <div className="notice" role="alert">
      <h3>The messages could not be loaded</h3>
      <p>The server cannot be reached. This page keeps trying.</p>
      <button type="button" onClick={onRetry}>
        Try now
      </button>
    </div>
  );
}

export function NotListening() {
  return (
    <div className="notice">
      <h3>This page does not listen any more</h3>
      <p>It begins with the messages when it listens again.</p>
    </div>
  );
}

export function LoadingChat() {
  return (
    <div role="status">
      <span className="visually-hidden">Loading the messages…</span>
      <div className="skeleton" aria-hidden="true">
        {['long', 'short own', 'medium', 'short', 'medium own'].map((shape) => (
          <span key={shape} className={shape} />
        ))}
      </div>
    </div>
  );
}
