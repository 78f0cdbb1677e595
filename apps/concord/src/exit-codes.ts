// What the exit code of every command says.
import { ResolutionRefused, ProcessNotReleasable } from '@concord/coordination';
import { InvalidArgument } from '@concord/kernel';
import { CommanderError } from 'commander';

/** 0: done. 1: it failed. 2: wrong usage. 3: refused, and nothing was changed. 4: recorded, and not carried out yet. */
export const EXIT = { done: 0, failed: 1, usage: 2, refused: 3, waiting: 4 } as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof InvalidArgument) return EXIT.usage;
  const isRefusal = error instanceof ResolutionRefused || error instanceof ProcessNotReleasable;
  return isRefusal ? EXIT.refused : EXIT.failed;
}
