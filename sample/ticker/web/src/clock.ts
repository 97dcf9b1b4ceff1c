import { Card, later } from './card';

/**
 * Shows the four things that one can listen to: `open`, `message` for events without a name,
 * an event's own name, and `error`.
 */
export function listenToClock(origin: string): void {
  const url = `${origin}/clock`;
  const card = new Card('clock', url);
  const time = card.part<HTMLTimeElement>('time');
  connect();

  function connect(): void {
    // Without this, the browser would leave the visitor's cookies out.
    const source = new EventSource(url, { withCredentials: true });
    card.follow(source, () => later(connect));
    source.addEventListener('open', () => card.add('open', ''));
    source.addEventListener('message', ({ data }) => card.add('message', data));
    source.addEventListener('error', () =>
      card.add('error', 'the connection was lost'),
    );
    source.addEventListener('currentTime', ({ data }) => {
      time.dateTime = data;
      time.textContent = new Date(data).toLocaleTimeString();
    });
  }
}
