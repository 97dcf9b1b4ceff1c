import { useCallback, useEffect, useReducer, useRef } from 'react';
import type { Message } from '../../src/chat/message';
import type { Present } from '../../src/chat/present';
import { ChatFeed, type Connection } from './chat-feed';
import { withMessage } from './messages';
import { OtherTabs } from './other-tabs';
import { Outbox, type Unsent } from './outbox';

export interface ChatState {
  connection: Connection;
  /** `undefined` until the history has come. */
  messages?: Message[];
  /** Own ones that were confirmed since the stream was last live: its history may be older. */
  early: Message[];
  unsent: Unsent[];
  present?: Present;
}

type Action =
  | { is: 'connection'; connection: Connection }
  | { is: 'history'; messages: Message[] }
  | { is: 'message'; message: Message }
  | { is: 'unsent'; unsent: Unsent[] }
  | { is: 'present'; present: Present };

interface Parts {
  feed: ChatFeed;
  outbox: Outbox;
  otherTabs: OtherTabs;
}

/** The chat: what was said, what is being said, and what is on its way. */
export function useChat() {
  const [state, dispatch] = useReducer(reduce, {
    connection: { phase: 'connecting' },
    early: [],
    unsent: [],
  });
  const parts = useRef<Parts>(null);

  useEffect(() => {
    let you: string | undefined;
    const onMessage = (message: Message) =>
      dispatch({ is: 'message', message });
    const otherTabs = new OtherTabs({
      onSent: (message) => {
        outbox.remove(message.id);
        onMessage(message);
      },
      onDiscarded: (id) => outbox.remove(id),
    });
    const outbox = new Outbox({
      onUnsent: (unsent) => dispatch({ is: 'unsent', unsent }),
      onSent: (message) => {
        otherTabs.tell({ sent: message });
        onMessage(message);
        if (you !== undefined && message.user_id !== you) {
          // The cookie is another one by now. Two tabs that were a browser's first got one each.
          feed.retryNow();
        }
      },
    });
    const feed = new ChatFeed({
      onConnection: (connection) => {
        dispatch({ is: 'connection', connection });
        if (connection.phase === 'live') {
          outbox.start();
        }
      },
      onHistory: (messages) => dispatch({ is: 'history', messages }),
      onMessage,
      onPresent: (present) => {
        you = present.you;
        dispatch({ is: 'present', present });
      },
    });
    parts.current = { feed, outbox, otherTabs };
    outbox.open();
    feed.open();
    return () => {
      feed.close();
      outbox.close();
      otherTabs.close();
    };
  }, []);

  const send = useCallback((message: string) => {
    parts.current?.outbox.add(message);
  }, []);
  const isLive = state.connection.phase === 'live';
  const retryNow = useCallback(() => {
    if (!isLive) {
      parts.current?.feed.retryNow();
    }
    parts.current?.outbox.retryNow();
  }, [isLive]);
  const discard = useCallback((id: string) => {
    parts.current?.outbox.remove(id);
    parts.current?.otherTabs.tell({ discarded: id });
  }, []);
  return { ...state, send, retryNow, discard };
}

function reduce(state: ChatState, action: Action): ChatState {
  switch (action.is) {
    case 'connection': {
      const { connection } = action;
      const early = connection.phase === 'live' ? [] : state.early;
      return { ...state, connection, early };
    }
    case 'history':
      return {
        ...state,
        messages: state.early.reduce(withMessage, action.messages),
      };
    case 'message':
      return received(state, action.message);
    case 'unsent':
      return { ...state, unsent: action.unsent };
    case 'present':
      return { ...state, present: action.present };
  }
}

function received(state: ChatState, message: Message): ChatState {
  const { connection, messages, early } = state;
  return {
    ...state,
    messages: messages && withMessage(messages, message),
    early: connection.phase === 'live' ? early : [...early, message],
  };
}
