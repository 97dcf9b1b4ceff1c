import type { Person } from '../person';

interface Props {
  person: Person;
  isYou: boolean;
}

export function PersonName({ person: { name, isGuest }, isYou }: Props) {
  return (
    <>
      <strong className="name">{name}</strong>
      {isYou && <span className="chip">you</span>}
      {!isGuest && (
        <span className="chip unproven" title="Anybody can say this id">
          <code>?id=</code>
        </span>
      )}
    </>
  );
}
