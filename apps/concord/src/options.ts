// Options that several commands have, and how they are read.
import { InvalidArgumentError, Option } from 'commander';
import { parseTenantId } from '@concord/tenancy';

const MOST_SECONDS = 86_400;

/** Which database. */
export const databaseOption = (): Option =>
  new Option('--database <name or URL>', 'instead of that of DATABASE_URL: its URL, or its name on the same server');

export const jsonOption = (form: string): Option => new Option('--json', `as JSON: ${form}`);

export const tenantOption = (what: string): Option =>
  new Option('--tenant <id>', what).argParser((text) => {
    try {
      return parseTenantId(text);
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
    }
  });

/** For commander: seconds, from 0 to a day. */
export function seconds(text: string): number {
  const number = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (number <= MOST_SECONDS) return number;
  throw new InvalidArgumentError(`give seconds, from 0 to ${MOST_SECONDS}.`);
}

/** For commander: an option that may be given several times. */
export function collected(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
