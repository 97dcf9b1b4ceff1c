import { Card, later } from './card';

/** Shows a counter of everybody's beside one of this connection's. */
export function listenToUpdates(origin: string): void {
  const url = `${origin}/updates`;
  const card = new Card('updates', url);
  connect();

  function connect(): void {
    const source = new EventSource(url, { withCredentials: true });
    card.follow(source, () => later(connect));
    show(source, 'visitor', '.visitor');
    show(source, 'shared', '.shared');
    show(source, 'own', '.own');
  }

  function show(source: EventSource, name: string, selector: string): void {
    source.addEventListener(name, ({ data }: MessageEvent<string>) => {
      card.part(selector).textContent = data;
    });
  }
}
