import { Logger } from '@nestjs/common';

/** Topics may come from clients, so that not each of them gets a line of the log. */
const MOST_SAID = 20;

/** Says once of each topic why nobody may have it: the client is only told that it may not. */
export class UnlistedTopics {
  readonly #logger = new Logger('SseModule');
  readonly #said = new Set<string>();

  refused(topic: string): void {
    if (this.#said.has(topic) || this.#said.size >= MOST_SAID) {
      return;
    }
    this.#said.add(topic);
    const isLast = this.#said.size === MOST_SAID;
    this.#logger.warn(
      `No @TopicPolicy() covers "${topic}", and unlistedTopics is 'deny', so its streams are refused with 403. Write a policy whose pattern matches it, and list the class in the providers of a module. (Said once${isLast ? '; of further topics nothing is said' : ''}.)`,
    );
  }
}
