import './style.css';
import { listenToClock } from './clock';
import { listenToTalk } from './talk';
import { listenToUpdates } from './updates';

listenToTalk();

const { streamsPort } = await fetchConfig();
// Another port is another origin. Cookies, which know hosts only, go along if asked to.
const streams = `${location.protocol}//${location.hostname}:${streamsPort}`;
listenToClock(streams);
listenToUpdates(streams);

async function fetchConfig(): Promise<{ streamsPort: number }> {
  for (;;) {
    try {
      const response = await fetch('/config');
      if (response.ok) {
        return await response.json();
      }
    } catch {
      // The server is away: once more, as an EventSource does.
    }
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}
