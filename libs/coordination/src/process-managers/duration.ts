// How long: as people write it, in milliseconds for the rest of the code.
import { InvalidArgument } from '@concord/kernel';

type Unit = 'millisecond' | 'second' | 'minute' | 'hour' | 'day';

/** A whole number and its unit: `'15 minutes'`, `'1 hour'`. */
export type Duration = `${number} ${Unit | `${Unit}s`}`;

const MILLISECONDS: Readonly<Record<Unit, number>> = {
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};
const FORM = /^(\d{1,9}) (millisecond|second|minute|hour|day)s?$/;
const TEN_YEARS_MS = 3650 * MILLISECONDS.day;

/** Errors: InvalidArgument for what is no duration, or longer than ten years. */
export function millisecondsOf(duration: Duration): number {
  const [, count, unit] = FORM.exec(duration) ?? [];
  const milliseconds = Number(count) * MILLISECONDS[unit as Unit];
  if (milliseconds >= 0 && milliseconds <= TEN_YEARS_MS) return milliseconds;
  throw new InvalidArgument(
    `"${duration}" is no duration: write a whole number and milliseconds, seconds, minutes, hours or days, up to ten years`,
  );
}
