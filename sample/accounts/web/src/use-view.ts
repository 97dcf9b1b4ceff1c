import { useSyncExternalStore } from 'react';

function subscribe(onChange: () => void): () => void {
  window.addEventListener('hashchange', onChange);
  return () => window.removeEventListener('hashchange', onChange);
}

/** What of the page is shown, as its address says: `#admin` or the rest. */
export function useView(): 'home' | 'admin' {
  return useSyncExternalStore(subscribe, () =>
    location.hash === '#admin' ? 'admin' : 'home',
  );
}
