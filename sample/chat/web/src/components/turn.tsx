import { keyOf, type Turn as TurnOfMessages } from '../messages';
import { personOf } from '../person';
import { Avatar } from './avatar';
import { PersonName } from './person-name';

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const full = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'full',
  timeStyle: 'medium',
});

interface Props {
  turn: TurnOfMessages;
  isOwn: boolean;
}

/** Messages that one person has said in a row. */
export function Turn({ turn: { userId, messages }, isOwn }: Props) {
  const person = personOf(userId);
  return (
    <article className={isOwn ? 'turn own' : 'turn'}>
      {!isOwn && <Avatar person={person} />}
      <div className="turn-body">
        <p className={isOwn ? 'visually-hidden' : 'turn-head'}>
          <PersonName person={person} isYou={isOwn} />
        </p>
        <ol className={isOwn ? 'turn-messages own' : 'turn-messages'}>
          {messages.map((said) => (
            <li key={keyOf(said)} className="message">
              <p className="bubble">
                {said.message}
                <time dateTime={said.at} title={full.format(new Date(said.at))}>
                  {clock.format(new Date(said.at))}
                </time>
              </p>
            </li>
          ))}
        </ol>
      </div>
    </article>
  );
}
