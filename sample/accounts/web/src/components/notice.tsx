import type { ReactNode } from 'react';

interface Props {
  title: string;
  text: string;
  isError?: boolean;
  children?: ReactNode;
}

export function Notice({ title, text, isError, children }: Props) {
  return (
    <div className="card notice" role={isError ? 'alert' : undefined}>
      <h3>{title}</h3>
      <p>{text}</p>
      {children}
    </div>
  );
}
