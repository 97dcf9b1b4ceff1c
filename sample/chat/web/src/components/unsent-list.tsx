import type { Connection } from '../chat-feed';
import type { Unsent } from '../outbox';
import { UnsentMessage } from './unsent-message';

interface Props {
  unsent: Unsent[];
  connection: Connection;
  onRetry: () => void;
  onEdit: (id: string, message: string) => void;
  onDiscard: (id: string) => void;
}

export function UnsentList({
  unsent,
  connection,
  onRetry,
  onEdit,
  onDiscard,
}: Props) {
  const isWaiting = unsent.some(({ sending }) => sending.phase === 'waiting');
  return (
    <div className="unsent">
      <ol className="turn-messages own" aria-label="Not sent yet">
        {unsent.map((each) => (
          <UnsentMessage
            key={each.id}
            unsent={each}
            onEdit={onEdit}
            onDiscard={onDiscard}
          />
        ))}
      </ol>
      {isWaiting && (
        <div className="sending">
          <p>Kept here, and sent when the server is back.</p>
          {/* While it reconnects, the top of the page has it, for all. */}
          {connection.phase !== 'reconnecting' && (
            <button type="button" className="link" onClick={onRetry}>
              Try now
            </button>
          )}
        </div>
      )}
    </div>
  );
}
