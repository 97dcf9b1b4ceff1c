import type { Sending, Unsent } from '../outbox';

interface Props {
  unsent: Unsent;
  onEdit: (id: string, message: string) => void;
  onDiscard: (id: string) => void;
}

/** A message that is shown before the server has it. */
export function UnsentMessage({
  unsent: { id, message, sending },
  onEdit,
  onDiscard,
}: Props) {
  const isRefused = sending.phase === 'refused';
  return (
    <li className="message" data-sending={sending.phase}>
      <p className="bubble">{message}</p>
      <div className="sending">
        <p role={isRefused ? 'alert' : undefined}>{describe(sending)}</p>
        {isRefused && (
          <button
            type="button"
            className="link"
            onClick={() => onEdit(id, message)}
          >
            Edit
          </button>
        )}
        {sending.phase !== 'sending' && (
          <button type="button" className="link" onClick={() => onDiscard(id)}>
            Discard
          </button>
        )}
      </div>
    </li>
  );
}

function describe(sending: Sending): string {
  switch (sending.phase) {
    case 'sending':
      return 'Sending…';
    case 'waiting':
      return 'Not sent yet';
    case 'refused':
      return `Not sent: ${sending.reason}`;
  }
}
