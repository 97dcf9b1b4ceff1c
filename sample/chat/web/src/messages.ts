import type { Message } from '../../src/chat/message';

/** The most that a page keeps: it may be open for weeks. */
const KEPT = 500;

const APART = 5 * 60_000;

/** Messages that one person has said in a row. */
export interface Turn {
  key: string;
  userId: string;
  messages: Message[];
}

export interface Day {
  /** As the calendar here has it: `2026-11-21`. */
  key: string;
  turns: Turn[];
}

/** Adds a message at its time, unless it is there. */
export function withMessage(list: Message[], message: Message): Message[] {
  const key = keyOf(message);
  if (list.some((known) => keyOf(known) === key)) {
    return list;
  }
  const place = list.findLastIndex(({ at }) => at <= message.at) + 1;
  return list.toSpliced(place, 0, message).slice(-KEPT);
}

/** Ids are unique among the messages of a user. */
export function keyOf({ user_id, id }: Message): string {
  return `${user_id}/${id}`;
}

export function byDay(list: Message[]): Day[] {
  const days: Day[] = [];
  for (const message of list) {
    const date = dateOf(new Date(message.at));
    if (days.at(-1)?.key !== date) {
      days.push({ key: date, turns: [] });
    }
    const { turns } = days.at(-1)!;
    const turn = turns.at(-1);
    if (turn && continues(turn, message)) {
      turn.messages.push(message);
    } else {
      const key = keyOf(message);
      turns.push({ key, userId: message.user_id, messages: [message] });
    }
  }
  return days;
}

/** The day that it is here, as ISO 8601 writes it. */
export function dateOf(time: Date): string {
  const [month, day] = [time.getMonth() + 1, time.getDate()].map((part) =>
    String(part).padStart(2, '0'),
  );
  return `${time.getFullYear()}-${month}-${day}`;
}

function continues({ userId, messages }: Turn, { user_id, at }: Message) {
  const last = messages.at(-1)!;
  return userId === user_id && Date.parse(at) - Date.parse(last.at) < APART;
}
