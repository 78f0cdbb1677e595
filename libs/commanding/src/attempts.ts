// How often a command may run, and after what. Whoever gave way to an older command comes again as old as it was, until it is
// the oldest of all; that may take as many attempts as there are older ones, and is bounded all the same.
import { CommitUnknown, OwnershipLost, TransientConflict } from '@concord/database';
import { LeaseLost, OwnerWounded } from '@concord/locking';
import { WrongExpectedVersion } from '@concord/kernel';
import { WaitsOutside } from './command-locks.js';
import { DecidedOnStaleState } from './decided-on-stale-state.js';

const CONFLICTS = [TransientConflict, WrongExpectedVersion, CommitUnknown, DecidedOnStaleState];
const GIVING_WAY = [OwnerWounded, LeaseLost, OwnershipLost, WaitsOutside];
/** After which the command may have been applied. */
const UNKNOWN = [CommitUnknown, DecidedOnStaleState];

const MOST_CONFLICTS = 5;
const MOST_GIVING_WAY = 100;
const WITHIN_MS = 10_000;
const FIRST_PAUSE_MS = 5;
const MOST_DOUBLINGS = 6;

export class Attempts {
  private readonly until = Date.now() + WITHIN_MS;
  private gaveWay = 0;
  private metConflicts = 0;

  /** Others were faster than this command, without a lock that it could have waited for. */
  get hadConflicts(): boolean {
    return this.metConflicts > 0;
  }

  /** Counts a failure. Errors: the same, when it is not to be tried again. */
  failed(error: unknown): void {
    if (isOneOf(CONFLICTS, error)) this.metConflicts += 1;
    else if (isOneOf(GIVING_WAY, error)) this.gaveWay += 1;
    else throw error;
    const isEnough = this.metConflicts > MOST_CONFLICTS || this.gaveWay > MOST_GIVING_WAY || Date.now() > this.until;
    if (isEnough) throw toldAs(error);
  }

  /** How long to wait before the next attempt: longer each time, and not all at once. */
  get pauseMs(): number {
    return FIRST_PAUSE_MS * 2 ** Math.min(this.metConflicts + this.gaveWay, MOST_DOUBLINGS) * Math.random();
  }
}

/** To whoever sent the command: for whom a lock was waited is in what WaitsOutside stands for. */
export function toldAs(error: unknown): unknown {
  return error instanceof WaitsOutside ? error.cause : error;
}

export function mayHaveBeenApplied(error: unknown): boolean {
  return isOneOf(UNKNOWN, error);
}

function isOneOf(kinds: readonly (abstract new (...args: never[]) => Error)[], error: unknown): boolean {
  return kinds.some((kind) => error instanceof kind);
}
