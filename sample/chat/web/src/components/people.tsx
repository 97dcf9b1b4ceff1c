import type { Present } from '../../../src/chat/present';
import { personOf } from '../person';
import { Avatar } from './avatar';
import { PersonName } from './person-name';

interface Props {
  present?: Present;
  /** Else it is who was here. */
  isLive: boolean;
}

export function People({ present, isLive }: Props) {
  return (
    <aside
      className="people"
      aria-labelledby="people-title"
      aria-busy={!present || !isLive}
    >
      <h2 id="people-title">
        Here now {present && <span className="count">{present.count}</span>}
      </h2>
      {present && <List present={present} />}
    </aside>
  );
}

function List({ present: { you, users, count } }: { present: Present }) {
  const others = users
    .filter((id) => id !== you)
    .map((id) => ({ id, ...personOf(id) }))
    .toSorted((one, other) => one.name.localeCompare(other.name));
  const more = count - others.length - 1;
  return (
    // A list that can be scrolled sideways has to be reached by keyboard.
    <ul tabIndex={0} aria-labelledby="people-title">
      {[{ id: you, ...personOf(you) }, ...others].map((person) => (
        <li key={person.id} className="person">
          <Avatar person={person} />
          <span className="person-text">
            <PersonName person={person} isYou={person.id === you} />
          </span>
        </li>
      ))}
      {more > 0 && <li className="person muted">and {more} more</li>}
    </ul>
  );
}
