/** Which promise was broken. */
export type Rule =
  /** An acknowledged event that a client should have got and has not. */
  | 'lost'
  /** One event twice. */
  | 'doubled'
  /** Not in the log's order. */
  | 'order'
  /** A publish that failed, whose event some clients have and others, or the log, have not. */
  | 'unequal'
  /** History is gone, and the client was not told. */
  | 'silent gap'
  /** The client was told that history is gone, and it is not. */
  | 'needless reset'
  /** A client has not got the last event. */
  | 'not converged'
  /** An event has no id, or a wrong one. */
  | 'id'
  /** What the log retains is not what was published and delivered. */
  | 'retained'
  /** What the run itself has seen: a stream that the server ended, a slow failure, a missing heartbeat… */
  | 'conduct';

export interface Complaint {
  readonly rule: Rule;
  readonly text: string;
}

/** Complaints of one kind and client that are told; more would say no more. */
const TOLD = 3;

/** Complaints about one party, the first of each rule in words. */
export class Complaints {
  readonly #byRule = new Map<Rule, string[]>();

  constructor(private readonly party: string) {}

  add(rule: Rule, text: string): void {
    const texts = this.#byRule.get(rule) ?? [];
    texts.push(text);
    this.#byRule.set(rule, texts);
  }

  get list(): Complaint[] {
    return Array.from(this.#byRule, ([rule, texts]) => [
      ...texts
        .slice(0, TOLD)
        .map((text) => ({ rule, text: `${this.party} ${text}` })),
      ...(texts.length > TOLD
        ? [{ rule, text: `${this.party}: ${texts.length - TOLD} more` }]
        : []),
    ]).flat();
  }
}
