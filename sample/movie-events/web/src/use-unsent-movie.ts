import { useEffect, useState } from 'react';
import type { Draft } from './api';
import { type Sending, deliver, forget, keep, readKept } from './unsent-movie';

/**
 * Sends a movie until the server has it, also when the page is loaded again in
 * between.
 */
export function useUnsentMovie(isLive: boolean) {
  const [unsent, setUnsent] = useState(readKept);
  const [sending, setSending] = useState<Sending>({ phase: 'idle' });
  const [round, setRound] = useState(0);

  useEffect(() => {
    if (!unsent) {
      return;
    }
    const stopped = new AbortController();
    void deliver(unsent, stopped.signal, (progress) => {
      setSending(progress);
      if (progress.phase === 'sent' || progress.phase === 'refused') {
        forget(unsent);
        setUnsent(undefined);
      }
    });
    return () => stopped.abort();
    // A new round, or a stream that lives again, tries at once.
  }, [unsent, round, isLive]);

  return {
    sending,
    unsent: unsent?.draft,
    send: (draft: Draft) => setUnsent(keep(draft)),
    retryNow: () => setRound((last) => last + 1),
    discard: () => {
      if (unsent) {
        forget(unsent);
      }
      setUnsent(undefined);
      setSending({ phase: 'idle' });
    },
  };
}
