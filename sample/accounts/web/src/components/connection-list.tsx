import type { Overview } from '../../../src/admin/overview';
import { disconnectConnection } from '../api';

interface Props {
  overview: Overview;
  onAct: (action: Promise<void>) => void;
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export function ConnectionList({ overview, onAct }: Props) {
  const { connections, connectionCount } = overview;
  return (
    <section aria-labelledby="connections-title">
      <div className="section-head">
        <h2 id="connections-title">
          Connections <span className="count">{connectionCount}</span>
        </h2>
        {connectionCount > connections.length && (
          <p className="muted">The newest {connections.length} are shown.</p>
        )}
      </div>
      <ul className="card rows">
        {connections.map(({ id, userId, openedAt, address, lastEventId }) => (
          <li key={id} className="row" data-user={userId}>
            <div className="row-text">
              <p>
                <strong>{userId}</strong> <code>{id}</code>
              </p>
              <dl className="facts muted">
                <div>
                  <dt>opened</dt>
                  <dd>
                    <time dateTime={openedAt}>
                      {clock.format(new Date(openedAt))}
                    </time>
                  </dd>
                </div>
                <div>
                  <dt>from</dt>
                  <dd>{address ?? 'unknown'}</dd>
                </div>
                <div>
                  <dt>continues after</dt>
                  <dd>{lastEventId ?? 'nothing'}</dd>
                </div>
              </dl>
            </div>
            <button
              type="button"
              className="small"
              aria-label={`End connection ${id}`}
              onClick={() => onAct(disconnectConnection(id))}
            >
              End
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
