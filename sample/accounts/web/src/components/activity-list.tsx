import type { ActivityEntry } from '../use-overview';

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export function ActivityList({ activity }: { activity: ActivityEntry[] }) {
  return (
    <section aria-labelledby="activity-title">
      <div className="section-head">
        <h2 id="activity-title">Recent activity</h2>
      </div>
      <ol className="card activity">
        {activity.length === 0 && <li className="muted">Nothing yet.</li>}
        {activity.map(({ id, by, did, at }) => (
          <li key={id}>
            <span>
              <strong>{by}</strong> {did}
            </span>
            <time dateTime={at}>{clock.format(new Date(at))}</time>
          </li>
        ))}
      </ol>
    </section>
  );
}
