import { type ReactNode, useId } from 'react';
import { GENRES } from '../../../src/movies/movie';
import type { Draft } from '../api';

interface Props {
  draft: Draft;
  errors?: Record<string, string[]>;
  disabled?: boolean;
  autoFocus?: boolean;
  onChange: (draft: Draft) => void;
}

export function MovieFields({
  draft,
  errors = {},
  disabled,
  autoFocus,
  onChange,
}: Props) {
  return (
    <fieldset className="fields" disabled={disabled}>
      <Field label="Title" errors={errors.title}>
        {(attributes) => (
          <input
            {...attributes}
            name="title"
            autoFocus={autoFocus}
            autoComplete="off"
            value={draft.title}
            onChange={({ target }) =>
              onChange({ ...draft, title: target.value })
            }
          />
        )}
      </Field>
      <Field label="Year" errors={errors.year}>
        {(attributes) => (
          <input
            {...attributes}
            name="year"
            inputMode="numeric"
            autoComplete="off"
            value={draft.year}
            onChange={({ target }) =>
              onChange({ ...draft, year: toYear(target.value) })
            }
          />
        )}
      </Field>
      <Field label="Genre" errors={errors.genre}>
        {(attributes) => (
          <select
            {...attributes}
            name="genre"
            value={draft.genre}
            onChange={({ target }) =>
              onChange({ ...draft, genre: target.value })
            }
          >
            <option value="">Choose…</option>
            {GENRES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
    </fieldset>
  );
}

interface FieldProps {
  label: string;
  errors?: string[];
  children: (attributes: {
    id: string;
    'aria-invalid': boolean;
    'aria-describedby'?: string;
  }) => ReactNode;
}

function Field({ label, errors, children }: FieldProps) {
  const id = useId();
  const errorId = `${id}-error`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        'aria-invalid': Boolean(errors),
        'aria-describedby': errors && errorId,
      })}
      {errors && (
        <p className="field-error" id={errorId}>
          {errors.join('; ')}
        </p>
      )}
    </div>
  );
}

// What is no number goes to the server as typed, for it to say so.
function toYear(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}
