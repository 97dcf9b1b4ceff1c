/** An error of class-validator, as far as its messages are concerned. */
export interface FieldError {
  readonly property: string;
  readonly constraints?: Readonly<Record<string, string>>;
  readonly children?: readonly FieldError[];
}

/**
 * The messages of errors in the order and wording of Nest's `ValidationPipe`: those of a
 * nested field have its path before them.
 */
export function messagesOf(
  errors: readonly FieldError[],
  path = '',
): readonly string[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => [
    ...Object.values(constraints).map((message) => path + message),
    ...messagesOf(children, `${path}${property}.`),
  ]);
}
