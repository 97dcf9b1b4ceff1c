export type ClassValidator = typeof import('class-validator');

let loading: Promise<ClassValidator> | undefined;

/** The package, an optional peer; rejects when it is not installed. */
export function loadClassValidator(): Promise<ClassValidator> {
  return (loading ??= import('class-validator'));
}
