import { useEffect, useState } from 'react';
import type { Message } from '../../../src/chat/message';
import type { Connection } from '../chat-feed';
import { byDay, keyOf } from '../messages';
import type { Unsent } from '../outbox';
import { useStickToEnd } from '../use-stick-to-end';
import { DayDivider } from './day-divider';
import { EmptyChat, LoadingChat, NotListening, NotLoaded } from './no-messages';
import { Turn } from './turn';
import { UnsentList } from './unsent-list';

interface Props {
  you?: string;
  messages?: Message[];
  unsent: Unsent[];
  connection: Connection;
  onRetry: () => void;
  onEdit: (id: string, message: string) => void;
  onDiscard: (id: string) => void;
}

export function MessageLog(props: Props) {
  const { you, messages, unsent } = props;
  const { scroller, content, isAtEnd, toEnd } = useStickToEnd();
  const news = useNews(messages, you, isAtEnd);

  const newest = unsent.at(-1)?.id;
  useEffect(() => {
    // What one has just written is what one wants to see.
    if (newest) {
      toEnd();
    }
  }, [newest, toEnd]);

  return (
    <div className="log-frame">
      <div
        className="log"
        ref={scroller}
        role="log"
        aria-label="Messages"
        tabIndex={0}
      >
        <div className="log-content" ref={content}>
          <Said {...props} />
          {unsent.length > 0 && <UnsentList {...props} />}
        </div>
      </div>
      {!isAtEnd && (
        <button type="button" className="to-end" onClick={toEnd}>
          {news > 0
            ? `${news} new ${news === 1 ? 'message' : 'messages'}`
            : 'To the newest'}{' '}
          <span aria-hidden="true">↓</span>
        </button>
      )}
    </div>
  );
}

function Said({ you, messages, unsent, connection, onRetry }: Props) {
  if (!messages || you === undefined) {
    switch (connection.phase) {
      case 'reconnecting':
        return <NotLoaded onRetry={onRetry} />;
      case 'ended':
        return <NotListening />;
      default:
        return <LoadingChat />;
    }
  }
  if (messages.length === 0) {
    return unsent.length === 0 && <EmptyChat />;
  }
  return byDay(messages).map(({ key, turns }) => (
    <section key={key} className="day">
      <DayDivider date={key} />
      {turns.map((turn) => (
        <Turn key={turn.key} turn={turn} isOwn={turn.userId === you} />
      ))}
    </section>
  ));
}

/** How many messages of others have come since the end was last in view. */
function useNews(
  messages: Message[] | undefined,
  you: string | undefined,
  isAtEnd: boolean,
): number {
  const [seen, setSeen] = useState<string>();
  const last = messages?.at(-1);
  const lastKey = last && keyOf(last);
  useEffect(() => {
    if (isAtEnd) {
      setSeen(lastKey);
    }
  }, [isAtEnd, lastKey]);
  if (isAtEnd || !messages) {
    return 0;
  }
  const index = messages.findLastIndex((each) => keyOf(each) === seen);
  return messages.slice(index + 1).filter(({ user_id }) => user_id !== you)
    .length;
}
