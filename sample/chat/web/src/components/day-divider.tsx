import { dateOf } from '../messages';

const calendar = new Intl.DateTimeFormat(undefined, {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
});
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

const DAY = 24 * 3_600_000;

interface Props {
  /** As the calendar here has it: `2026-11-21`. */
  date: string;
}

export function DayDivider({ date }: Props) {
  return (
    <h3 className="day-divider">
      <time dateTime={date}>{describe(date)}</time>
    </h3>
  );
}

function describe(date: string): string {
  // Both as UTC, where every day has 24 hours.
  const days = (Date.parse(date) - Date.parse(dateOf(new Date()))) / DAY;
  return days === 0 || days === -1
    ? capitalized(relative.format(days, 'day'))
    : calendar.format(new Date(`${date}T00:00`));
}

function capitalized(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
