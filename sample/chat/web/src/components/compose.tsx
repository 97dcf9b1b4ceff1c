import {
  type FormEvent,
  type KeyboardEvent,
  type Ref,
  useImperativeHandle,
  useRef,
  useState,
} from 'react';

export interface ComposeHandle {
  focus(): void;
  /** Has a message written again. */
  take(message: string): void;
}

interface Props {
  ref: Ref<ComposeHandle>;
  onSend: (message: string) => void;
}

const LONGEST = 1_000;
const COUNTED_FROM = 900;

// Where Enter is a key of the screen, it begins a line and the button sends.
const hasKeyboard = () => !matchMedia('(pointer: coarse)').matches;

export function Compose({ ref, onSend }: Props) {
  const [text, setText] = useState('');
  const box = useRef<HTMLTextAreaElement>(null);
  const message = text.trim();

  useImperativeHandle(ref, () => ({
    focus: () => box.current?.focus(),
    take: (taken) => {
      setText((typed) => (typed ? `${taken}\n${typed}` : taken));
      box.current?.focus();
    },
  }));

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (message) {
      onSend(message);
      setText('');
    }
    box.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const isEnter = event.key === 'Enter' && !event.shiftKey;
    // While a Japanese word is being composed, Enter is part of it.
    if (isEnter && !event.nativeEvent.isComposing && hasKeyboard()) {
      event.preventDefault();
      submit();
    }
  };

  return (
    <form className="compose" onSubmit={submit}>
      <label htmlFor="message" className="visually-hidden">
        Message
      </label>
      <textarea
        id="message"
        ref={box}
        rows={1}
        value={text}
        placeholder="Write a message"
        enterKeyHint="enter"
        autoComplete="off"
        onChange={({ target }) => setText(target.value)}
        onKeyDown={onKeyDown}
        aria-describedby="message-length"
      />
      {/* Not disabled, which would take the focus away from it. */}
      <button type="submit" className="primary" aria-disabled={!message}>
        Send
      </button>
      <p id="message-length" className="length" aria-live="polite">
        {message.length > COUNTED_FROM &&
          `${message.length} of ${LONGEST} characters`}
      </p>
    </form>
  );
}
