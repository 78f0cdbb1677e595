// What the command-line tools share: how they read options, and what their exit codes mean.
// 0: done. 1: done, but something was refused or differs; or it failed. 2: wrong usage. 130: stopped by Ctrl-C.
import { statSync } from 'node:fs';
import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { parseTenantId } from '@concord/tenancy';

export const EXIT = { done: 0, failed: 1, usage: 2, stopped: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command cannot be carried out as it was written. */
export class UsageError extends Error {}

/** Parses the command line, runs the command and sets the exit code. */
export async function runCommand<Options extends object>(
  command: Command,
  work: (options: Options) => Promise<ExitCode>,
): Promise<void> {
  try {
    for (const each of [command, ...command.commands]) {
      each.exitOverride().allowExcessArguments(false).showHelpAfterError('(--help shows all options)');
    }
    command.parse();
    process.exitCode = await work(command.opts<Options>());
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    // Commander has printed its own errors.
    if (!(error instanceof CommanderError)) console.error(`${command.name()}: ${messageOf(error)}`);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

/** For commander: a tenant's id. */
export function tenantOption(text: string): string {
  try {
    return parseTenantId(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

/** For commander: a folder that exists. */
export function folderOption(path: string): string {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new InvalidArgumentError('there is no such folder: give one that exists.');
  return path;
}

/** For commander: a whole number within limits. */
export function numberOption(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`give a whole number from ${least} to ${most}.`);
  };
}

/** For commander: a day, which begins at midnight UTC, or a time with its zone. */
export function instantOption(text: string): Date {
  const time = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}(T.+(Z|[+-]\d{2}:\d{2}))?$/.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError('give a day such as 2025-01-01, or a time such as 2025-01-01T12:00:00Z.');
}

/** For commander: a position of the feed. */
export function positionOption(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError('give a position of the feed: a whole number.');
}

/** For commander: a currency's code. */
export function currencyOption(text: string): string {
  if (/^[A-Z]{3}$/.test(text)) return text;
  throw new InvalidArgumentError('give the three capital letters of its ISO code, such as CZK.');
}
