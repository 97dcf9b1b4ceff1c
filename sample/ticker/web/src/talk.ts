import { Card, later } from './card';

const URL = '/talk';

/** Shows what `/talk` says, until the visitor has heard enough. */
export function listenToTalk(): void {
  const card = new Card('talk', URL);
  const button = card.part<HTMLButtonElement>('button');
  let source = connect();

  button.addEventListener('click', () => {
    if (card.state === 'stopped') {
      button.textContent = 'Stop';
      card.state = 'connecting';
      source = connect();
    } else {
      source.close();
      button.textContent = 'Start';
      card.state = 'stopped';
    }
  });

  function connect(): EventSource {
    const connected = new EventSource(URL);
    card.follow(connected, () =>
      later(() => {
        // Unless it was stopped meanwhile, and perhaps started again.
        if (source === connected && card.state === 'reconnecting') {
          source = connect();
        }
      }),
    );
    connected.addEventListener('message', ({ data, lastEventId }) => {
      card.add(new Date(lastEventId).toLocaleTimeString(), data);
    });
    return connected;
  }
}
