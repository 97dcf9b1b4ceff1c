import { type ReactNode, useId } from 'react';

interface Props {
  label: string;
  errors?: string[];
  children: (attributes: {
    id: string;
    'aria-invalid': boolean;
    'aria-describedby'?: string;
  }) => ReactNode;
}

export function Field({ label, errors, children }: Props) {
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
