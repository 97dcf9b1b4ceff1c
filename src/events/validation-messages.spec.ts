import { ValidationPipe } from '@nestjs/common';
import type { HttpException } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import fc from 'fast-check';
import { EventValidationException } from './events.exceptions.js';
import { messagesOf } from './validation-messages.js';
import type { FieldError } from './validation-messages.js';

const toException = new ValidationPipe().createExceptionFactory();

/** What Nest's pipe makes of the same errors. */
const pipeResponse = (errors: readonly FieldError[]): unknown =>
  (toException(errors as ValidationError[]) as HttpException).getResponse();

const constraints = fc.option(
  fc.dictionary(fc.constantFrom('isInt', 'isString', 'min'), fc.string()),
  { nil: undefined },
);

const { errors } = fc.letrec<{ error: FieldError; errors: FieldError[] }>(
  (tie) => ({
    error: fc.record(
      {
        property: fc.string({ minLength: 1 }),
        constraints,
        children: tie('errors'),
      },
      { requiredKeys: ['property'] },
    ),
    errors: fc.array(tie('error'), {
      maxLength: 3,
      depthIdentifier: 'errors',
    }),
  }),
);

describe('The messages of validation errors', () => {
  it('are those of ValidationPipe, whatever is nested in what', () => {
    fc.assert(
      fc.property(errors, (given) => {
        const exception = new EventValidationException(
          'MovieAdded',
          messagesOf(given),
        );
        expect(exception.getResponse()).toEqual(pipeResponse(given));
        expect(JSON.stringify(exception.getResponse())).toBe(
          JSON.stringify(pipeResponse(given)),
        );
      }),
    );
  });

  it('have the path of a nested field before them', () => {
    expect(
      messagesOf([
        { property: 'id', constraints: { isInt: 'id must be an integer' } },
        {
          property: 'cast',
          children: [
            {
              property: '0',
              children: [
                { property: 'name', constraints: { isString: 'name is odd' } },
              ],
            },
          ],
        },
      ]),
    ).toEqual(['id must be an integer', 'cast.0.name is odd']);
  });
});

describe('An exception of validation', () => {
  it('names the event and what is wrong, for logs', () => {
    const exception = new EventValidationException('MovieAdded', ['a', 'b']);
    expect(exception.message).toBe('MovieAdded: a; b');
    expect(exception.name).toBe('EventValidationException');
    expect(exception.getStatus()).toBe(400);
    expect(exception.messages).toEqual(['a', 'b']);
  });
});
