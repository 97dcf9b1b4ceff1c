import type { ActivityEntry } from '../use-overview';

export function ActivityList({ activity }: { activity: ActivityEntry[] }) {
  return (
    <section aria-labelledby="activity-title">
      <div className="section-head">
        <h2 id="activity-title">Recent activity</h2>
      </div>
      <ol className="card activity">
        {activity.length === 0 && <li className="muted">Nothing yet.</li>}
        {activity.map(({ id, by, did }) => (
          <li key={id}>
            <strong>{by}</strong> {did}
          </li>
        ))}
      </ol>
    </section>
  );
}
