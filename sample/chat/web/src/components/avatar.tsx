import type { CSSProperties } from 'react';
import type { Person } from '../person';

export function Avatar({ person: { initials, hue } }: { person: Person }) {
  return (
    <span
      className="avatar"
      style={{ '--hue': hue } as CSSProperties}
      aria-hidden="true"
    >
      {initials}
    </span>
  );
}
