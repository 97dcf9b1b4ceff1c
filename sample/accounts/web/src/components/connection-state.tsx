import type { Connection } from '../feed';

interface Props {
  connection: Connection;
  onRetry?: () => void;
}

/** What has ended for these reasons, the page may open again. */
const REOPENABLE = ['complete', 'replaced', 'revoked'];

const ENDED: Record<string, string> = {
  'signed-out': 'Signed out',
  expired: 'Session expired',
  revoked: 'Ended by an administrator',
  replaced: 'Replaced by newer tabs',
  ended: 'Session ended',
};

export function ConnectionState({ connection, onRetry }: Props) {
  const isReopenable =
    connection.phase === 'closed' && REOPENABLE.includes(connection.reason);
  return (
    <div
      className="connection"
      data-phase={connection.phase}
      data-reason={
        connection.phase === 'closed' ? connection.reason : undefined
      }
    >
      <p role="status">
        <span className="dot" aria-hidden="true" />
        {describe(connection)}
      </p>
      {onRetry && (isReopenable || connection.phase === 'reconnecting') && (
        <button type="button" className="link" onClick={onRetry}>
          {isReopenable ? 'Listen again' : 'Try now'}
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
    case 'closed':
      return ENDED[connection.reason] ?? 'The stream has ended';
  }
}
