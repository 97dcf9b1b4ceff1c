import type { LoggedEvent } from '../use-movie-events';

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export function EventLog({ log }: { log: LoggedEvent[] }) {
  return (
    <details className="card event-log">
      <summary>
        Raw events <span className="count">{log[0]?.number ?? 0}</span>
      </summary>
      {log.length === 0 ? (
        <p className="muted">Nothing has arrived yet.</p>
      ) : (
        <ol>
          {log.map((event) => (
            <li key={event.number}>
              <p>
                <time dateTime={event.time.toISOString()}>
                  {clock.format(event.time)}
                </time>
                <strong>{event.type}</strong>
                <span className="muted">{event.lastEventId}</span>
              </p>
              <code>{event.data}</code>
            </li>
          ))}
        </ol>
      )}
    </details>
  );
}
