// What of the store is meant: options that its commands share, and how they are read.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { assertCategory, parsePosition } from '@concord/kernel';
import { parseTenantId } from '@concord/tenancy';
import { messageOf } from './outcome.js';

/** A place in the feed: a position, or the time of an event. */
export type Place = { readonly position: bigint } | { readonly time: Date };

/** What every command about the store is told. */
export interface Where {
  readonly database?: string;
  readonly tenant?: string;
  readonly json?: true;
}

/** Adds the database and the tenant. */
export function where(command: Command, tenant: string, needsTenant = false): Command {
  return command
    .addOption(new Option('--tenant <id>', tenant).argParser(reading(parseTenantId)).makeOptionMandatory(needsTenant))
    .option('--database <URL>', 'instead of that of DATABASE_URL', reading(databaseUrl));
}

export const categoryOption = (what: string): Option =>
  new Option('--category <name>', what).argParser(several(checkedCategory));

export const typeOption = (): Option =>
  new Option('--type <name>', 'of this event type only; may be repeated').argParser(several((text) => text));

/** For commander: what `read` makes of the text; its errors are wrong usage. */
export function reading<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  };
}

/** For commander: an option that may be given several times. */
export function several<T>(read: (text: string) => T): (text: string, before?: readonly T[]) => T[] {
  return (text, before = []) => [...before, reading(read)(text)];
}

export const position = reading(parsePosition);

/** For commander: a position, or a time with its zone, or a day, which begins at midnight UTC. */
export function place(text: string): Place {
  if (/^\d+$/.test(text)) return { position: position(text) };
  const time = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}(T.+(Z|[+-]\d{2}:\d{2}))?$/.test(text) && !Number.isNaN(time.getTime())) return { time };
  throw new InvalidArgumentError('give a global position such as 1042, or a time such as 2025-01-01T12:00:00Z.');
}

/** For commander: a whole number within limits. */
export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`give a whole number from ${least} to ${most}.`);
  };
}

export function checkedCategory(text: string): string {
  assertCategory(text);
  return text;
}

function databaseUrl(text: string): string {
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new Error('give the URL of a PostgreSQL database, such as postgresql://user@host:5432/name.');
}
