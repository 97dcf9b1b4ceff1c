import { useCallback, useEffect, useRef, useState } from 'react';
import {
  type Connection,
  Feed,
  type FeedListener,
  type FeedSource,
} from './feed';

/**
 * Keeps a feed open while the component is there.
 *
 * @param key names what is listened to: another key opens another feed
 */
export function useFeed<List>(
  key: string,
  source: FeedSource<List>,
  listener: Omit<FeedListener<List>, 'onConnection'>,
) {
  const [connection, setConnection] = useState<Connection>({
    phase: 'connecting',
  });
  const feed = useRef<Feed<List>>(null);
  // What the component passes is new with every render; the feed stays.
  const latest = useRef({ source, listener });
  latest.current = { source, listener };

  useEffect(() => {
    const opened = new Feed<List>(latest.current.source, {
      onConnection: setConnection,
      onLoaded: (list) => latest.current.listener.onLoaded?.(list),
      onEvent: (event) => latest.current.listener.onEvent(event),
      onRefused: () => latest.current.listener.onRefused(),
    });
    feed.current = opened;
    opened.open();
    return () => opened.close();
  }, [key]);

  const retryNow = useCallback(() => feed.current?.retryNow(), []);
  return { connection, retryNow };
}
