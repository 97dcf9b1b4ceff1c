import { useRef } from 'react';
import { Compose, type ComposeHandle } from './components/compose';
import { ConnectionState } from './components/connection-state';
import { MessageLog } from './components/message-log';
import { People } from './components/people';
import { useChat } from './use-chat';

export function App() {
  const chat = useChat();
  const { connection, messages, unsent, present, send, retryNow, discard } =
    chat;
  const compose = useRef<ComposeHandle>(null);

  const edit = (id: string, message: string) => {
    discard(id);
    compose.current?.take(message);
  };

  return (
    <div className="chat">
      <header className="top">
        <div className="top-inner">
          <h1>
            <img src="/favicon.svg" alt="" width="28" height="28" />
            Chat
          </h1>
          <ConnectionState connection={connection} onRetry={retryNow} />
        </div>
      </header>
      <div className="room">
        <People present={present} isLive={connection.phase === 'live'} />
        <main>
          <MessageLog
            you={present?.you}
            messages={messages}
            unsent={unsent}
            connection={connection}
            onRetry={retryNow}
            onEdit={edit}
            onDiscard={(id) => {
              discard(id);
              compose.current?.focus();
            }}
          />
          <Compose ref={compose} onSend={send} />
        </main>
      </div>
    </div>
  );
}
