import type { Entries } from '../entries';
import type { Connection } from '../feed';
import { Notice } from './notice';

interface Props {
  /** In the plural, for the messages. */
  what: string;
  entries: Entries;
  connection: Connection;
  /** Said when there are none. */
  empty: string;
  onRetry: () => void;
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

export function EntryList({
  what,
  entries,
  connection,
  empty,
  onRetry,
}: Props) {
  const { list, news } = entries;
  if (!list) {
    return connection.phase === 'reconnecting' ? (
      <Notice
        title={`The ${what} could not be loaded`}
        text="The server cannot be reached. This page keeps trying."
        isError
      >
        <button type="button" className="primary" onClick={onRetry}>
          Try now
        </button>
      </Notice>
    ) : (
      <Loading what={what} />
    );
  }
  if (list.length === 0) {
    return <Notice title={`No ${what} yet`} text={empty} />;
  }
  return (
    <ul className="entries">
      {list.toReversed().map(({ id, from, text, at }) => (
        <li key={id} className="entry card">
          {id === news && <span className="flash" />}
          <p className="entry-head">
            <strong>{from}</strong>
            <time dateTime={at}>{clock.format(new Date(at))}</time>
          </p>
          <p className="entry-text">{text}</p>
        </li>
      ))}
    </ul>
  );
}

function Loading({ what }: { what: string }) {
  return (
    <div role="status">
      <span className="visually-hidden">Loading the {what}…</span>
      <ul className="entries" aria-hidden="true">
        {['long', 'short', 'medium'].map((length) => (
          <li key={length} className={`entry card skeleton ${length}`}>
            <span />
            <span />
          </li>
        ))}
      </ul>
    </div>
  );
}
