import type { Message } from '../../src/chat/message';

type News = { sent: Message } | { discarded: string };

export interface OtherTabsListener {
  onSent(message: Message): void;
  onDiscarded(id: string): void;
}

/**
 * The other tabs of this browser. The server tells a message to everybody but who has sent it,
 * and that they are, too.
 */
export class OtherTabs {
  private readonly channel = new BroadcastChannel('chat');

  constructor(listener: OtherTabsListener) {
    this.channel.onmessage = ({ data }: MessageEvent<News>) => {
      if ('sent' in data) {
        listener.onSent(data.sent);
      } else {
        listener.onDiscarded(data.discarded);
      }
    };
  }

  tell(news: News): void {
    this.channel.postMessage(news);
  }

  close(): void {
    this.channel.close();
  }
}
