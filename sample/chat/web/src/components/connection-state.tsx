import type { Connection } from '../chat-feed';

interface Props {
  connection: Connection;
  onRetry: () => void;
}

const ENDED: Record<string, string> = {
  replaced: 'Replaced by newer tabs',
  revoked: 'Ended by the server',
};

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
      return connection.afterGap ? 'Live · begun anew after a gap' : 'Live';
    case 'reconnecting':
      return `Reconnecting, attempt ${connection.attempt}`;
    case 'catching up':
      return 'Catching up after a gap…';
    case 'ended':
      return ENDED[connection.reason] ?? 'The stream has ended';
  }
}
