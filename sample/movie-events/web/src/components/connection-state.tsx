import type { Connection } from '../movie-feed';

interface Props {
  connection: Connection;
  onRetry: () => void;
}

export function ConnectionState({ connection, onRetry }: Props) {
  const canRetry =
    connection.phase === 'reconnecting' || connection.phase === 'ended';
  return (
    <div className="connection" data-phase={connection.phase}>
      <p role="status">
        <span className="dot" aria-hidden="true" />
        {describe(connection)}
      </p>
      {canRetry && (
        <button type="button" className="link" onClick={onRetry}>
          {connection.phase === 'ended' ? 'Listen again' : 'Try now'}
        </button>
      )}
    </div>
  );
}

function describe(connection: Connection): string {
  switch (connection.phase) {
    case 'connecting':
      return 'Connecting…';
    case 'live':
      return connection.afterGap ? 'Live · caught up after a gap' : 'Live';
    case 'reconnecting':
      return `Reconnecting, attempt ${connection.attempt}`;
    case 'catching up':
      return 'Catching up after a gap…';
    case 'ended':
      return 'The stream has ended';
  }
}
