// How a command about the store ends: its exit code, and one line that says why when it is not 0.
import { ProcessNotReleasable } from '@concord/coordination';
import { TransientConflict, translateDatabaseError } from '@concord/database';
import { EventIdInUse, InvalidArgument, StreamDeleted, WrongExpectedVersion } from '@concord/kernel';
import type { Command } from 'commander';

/** 0: done. 1: it failed, or something is not there or not in order. 2: wrong usage. 3: refused, nothing was changed. 130: stopped. */
export const CODE = { done: 0, failed: 1, usage: 2, refused: 3, stopped: 130 } as const;
export type Code = (typeof CODE)[keyof typeof CODE];

/** For --help. */
export const CODES = `
Exit codes: 0 done; 1 failed, or not there; 2 wrong usage; 3 refused by the store, nothing was changed.`;

/** It cannot be done, for a reason that the message says. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly exitCode: Code = CODE.failed,
  ) {
    super(message);
  }
}

const REFUSALS = [ProcessNotReleasable, WrongExpectedVersion, StreamDeleted, EventIdInUse, TransientConflict];

/** For commander's action(): runs `work`, sets the exit code, which it may answer, and says in one line what went wrong. */
export function carriedOut<Args extends unknown[]>(
  work: (...args: Args) => Promise<unknown>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    try {
      const code = await work(...args);
      process.exitCode = typeof code === 'number' ? code : CODE.done;
    } catch (thrown) {
      const error = translateDatabaseError(thrown);
      process.exitCode = codeOf(error);
      tell(messageOf(error));
    }
  };
}

/** A line for people, beside what is printed. */
export function tell(line: string): void {
  process.stderr.write(`concord: ${line.replace(/\s*[\r\n]+\s*/g, ' ')}\n`);
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && !error.message) return error.errors.map(messageOf).join('; ');
  return error.message || error.name;
}

function codeOf(error: unknown): Code {
  if (error instanceof Failure) return error.exitCode;
  if (error instanceof InvalidArgument) return CODE.usage;
  return REFUSALS.some((refusal) => error instanceof refusal) ? CODE.refused : CODE.failed;
}

/** A command that consists of others. */
export function group(command: Command, ...parts: readonly Command[]): Command {
  for (const part of parts) command.addCommand(strict(part));
  return strict(command);
}

/** Commander ends the process by itself, else. */
export function strict(command: Command): Command {
  return command.exitOverride().allowExcessArguments(false).showHelpAfterError('(--help shows all options)');
}
