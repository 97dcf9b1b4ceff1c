/** How the connection of a card is doing. */
export type State = 'connecting' | 'open' | 'reconnecting' | 'stopped';

const WORDS: Record<State, string> = {
  connecting: 'Connecting…',
  open: 'Open',
  reconnecting: 'Reconnecting…',
  stopped: 'Stopped',
};

const SHOWN = 8;

/** One stream's part of the page. */
export class Card {
  readonly #root: HTMLElement;

  constructor(id: string, url: string) {
    this.#root = document.getElementById(id)!;
    this.part('.url').textContent = url;
    this.state = 'connecting';
  }

  part<Element extends HTMLElement>(selector: string): Element {
    return this.#root.querySelector<Element>(selector)!;
  }

  get state(): State {
    return this.#root.dataset.state as State;
  }

  set state(state: State) {
    this.#root.dataset.state = state;
    this.part('.state').textContent = WORDS[state];
  }

  /** Shows a line, the newest on top. */
  add(name: string, text: string): void {
    const line = document.createElement('li');
    const label = document.createElement('b');
    label.textContent = name;
    line.append(label, ` ${text}`);
    const list = this.part('.messages');
    list.prepend(line);
    while (list.childElementCount > SHOWN) {
      list.lastElementChild!.remove();
    }
  }

  /**
   * Follows a source. An error is no reason to close it: a browser reconnects by itself, unless
   * the server has refused it with a status, which CLOSED tells.
   */
  follow(source: EventSource, onRefused: () => void): void {
    source.addEventListener('open', () => {
      this.state = 'open';
    });
    source.addEventListener('error', () => {
      this.state = 'reconnecting';
      if (source.readyState === EventSource.CLOSED) {
        onRefused();
      }
    });
  }
}

/** Waits as long as a browser would before it tries again. */
export function later(action: () => void): void {
  setTimeout(action, 3_000);
}
