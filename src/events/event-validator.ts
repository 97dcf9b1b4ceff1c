import { Inject, Injectable } from '@nestjs/common';
import { InvalidOptionException } from '../options/check-options.js';
import { loadClassValidator } from './class-validator.js';
import { EVENT_OPTIONS } from './event-options.js';
import type { EventOptions } from './event-options.js';
import { EventValidationException } from './events.exceptions.js';
import { messagesOf } from './validation-messages.js';
import type { FieldError } from './validation-messages.js';

/** What of class-validator answers at once; by its own name, as the package is an optional peer. */
export interface ValidatorNow {
  validateSync(
    event: object,
    options: { readonly forbidUnknownValues: boolean },
  ): readonly FieldError[];
}

/** Checks events by class-validator's rules, as the application has asked for. */
@Injectable()
export class EventValidator {
  constructor(
    @Inject(EVENT_OPTIONS)
    private readonly options: Pick<EventOptions, 'validateEvents'>,
  ) {}

  /** @throws InvalidOptionException if validation was asked for and cannot be had */
  async load(): Promise<void> {
    try {
      await loadClassValidator();
    } catch (error) {
      if (this.options.validateEvents === true) {
        throw new InvalidOptionException(
          'SseModule: "validateEvents" is true, but class-validator cannot be loaded. Install it: npm install class-validator. Or leave the option out.',
          { cause: error },
        );
      }
    }
  }

  /** @throws EventValidationException */
  async check(event: object): Promise<void> {
    if (this.options.validateEvents === false) {
      return;
    }
    const validator = await loadClassValidator().catch(() => undefined);
    refuse(event, (await validator?.validate(event, VALIDATOR_OPTIONS)) ?? []);
  }

  /**
   * The same in one call, without asynchronous rules.
   *
   * @throws EventValidationException
   */
  checkNow(event: object, validator: ValidatorNow | undefined): void {
    if (this.options.validateEvents !== false && validator !== undefined) {
      refuse(event, validator.validateSync(event, VALIDATOR_OPTIONS));
    }
  }
}

// Without it, an object of a class without rules would be refused.
const VALIDATOR_OPTIONS = { forbidUnknownValues: false };

function refuse(event: object, errors: readonly FieldError[]): void {
  if (errors.length > 0) {
    throw new EventValidationException(
      event.constructor.name,
      messagesOf(errors),
    );
  }
}
