// timestamptz as a server in UTC writes it, read by its digits: pg's own parser, made of regular expressions, took an eighth
// of the time of reading an event. All else is left to that one.
import pg from 'pg';

const parseAnyTimestamp = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ, 'text') as (text: string) => Date;
const SHORTEST = '2026-11-22 10:00:00+00'.length;
const ZERO = '0'.charCodeAt(0);
const DASH = '-'.charCodeAt(0);
const SPACE = ' '.charCodeAt(0);

/** A moment, to the millisecond; what is finer is cut off. Answers for infinity and the like are pg's. */
export function parseTimestamp(text: string): Date {
  if (!isUsual(text)) return parseAnyTimestamp(text);
  const two = (at: number): number => digit(text, at) * 10 + digit(text, at + 1);
  const year = two(0) * 100 + two(2);
  return new Date(Date.UTC(year, two(5) - 1, two(8), two(11), two(14), two(17), milliseconds(text)));
}

/** `2026-11-22 10:00:00.123456+00`: no year below 1000 or of more digits, no BC, no other zone. */
function isUsual(text: string): boolean {
  return (
    text.length >= SHORTEST &&
    text.endsWith('+00') &&
    text.charCodeAt(0) !== ZERO &&
    text.charCodeAt(4) === DASH &&
    text.charCodeAt(10) === SPACE
  );
}

function milliseconds(text: string): number {
  const digits = text.length - SHORTEST - 1;
  let value = 0;
  for (let n = 0; n < 3; n += 1) value = value * 10 + (n < digits ? digit(text, SHORTEST - 2 + n) : 0);
  return value;
}

function digit(text: string, at: number): number {
  return text.charCodeAt(at) - ZERO;
}
