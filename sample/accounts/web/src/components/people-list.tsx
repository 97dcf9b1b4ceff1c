import type { Overview, PersonRow } from '../../../src/admin/overview';
import type { User } from '../../../src/users/user';
import { disconnectUser, setEditor } from '../api';

interface Props {
  admin: User;
  overview: Overview;
  onAct: (action: Promise<void>) => void;
}

export function PeopleList({ admin, overview, onAct }: Props) {
  const { people, connections } = overview;
  const present = people.filter(({ isPresent }) => isPresent);
  return (
    <section aria-labelledby="people-title">
      <div className="section-head">
        <h2 id="people-title">
          People{' '}
          <span className="count">
            {present.length} of {people.length} present
          </span>
        </h2>
      </div>
      <ul className="card rows">
        {people.map((person) => (
          <li key={person.id} className="row" data-present={person.isPresent}>
            <div className="row-text">
              <p className="person-name">
                <span className="dot" aria-hidden="true" />
                <strong>{person.name}</strong>
                {person.roles.map((role) => (
                  <span key={role} className="chip">
                    {role}
                  </span>
                ))}
              </p>
              <p className="muted">{describe(person, connections)}</p>
            </div>
            <div className="buttons">
              <EditorButton person={person} onAct={onAct} />
              <button
                type="button"
                className="small"
                aria-label={
                  person.id === admin.id
                    ? 'Disconnect yourself'
                    : `Disconnect ${person.name}`
                }
                onClick={() => onAct(disconnectUser(person.id))}
              >
                Disconnect
              </button>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function EditorButton({
  person: { id, name, roles },
  onAct,
}: {
  person: PersonRow;
  onAct: Props['onAct'];
}) {
  const isEditor = roles.includes('editor');
  return (
    <button
      type="button"
      className="small"
      aria-label={
        isEditor
          ? `Take the editor role from ${name}`
          : `Make ${name} an editor`
      }
      onClick={() => onAct(setEditor(id, !isEditor))}
    >
      {isEditor ? 'Take editor role' : 'Make editor'}
    </button>
  );
}

function describe(
  { id, isPresent }: PersonRow,
  connections: Overview['connections'],
): string {
  const open = connections.filter(({ userId }) => userId === id).length;
  if (open > 0) {
    return open === 1
      ? 'present, 1 connection'
      : `present, ${open} connections`;
  }
  // Somebody who reloads the page has not left.
  return isPresent ? 'reconnecting or just left' : 'not here';
}
