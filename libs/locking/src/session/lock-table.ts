// Where locks are kept, as a session uses it: PostgreSQL or Redis. It has an order and a clock of its own, and those count.
import type { LockHolder } from '../lock-holder.js';
import type { LockNews } from './lock-news.js';
import type { LockAsk, Place } from './owner-locks.js';
import type { GrantedLock, LockOwner } from '../lock-service.js';

/** A process, as the table knows it for as long as its lease runs. */
export interface SessionIdentity {
  readonly id: string;
  readonly label: string;
  readonly leaseMs: number;
}

export interface GiveUp extends Place {
  readonly owner: LockOwner;
  /** The wait, not the lock. */
  readonly waitsOnly: boolean;
  /** What it held of it, as far as is known. */
  readonly held?: GrantedLock | undefined;
  readonly done: () => void;
}

/** `news` is for the session itself, and for others that are to be told. */
export interface Heard {
  /** False: the lease has ended, and stays so. */
  readonly alive: boolean;
  readonly news: readonly LockNews[];
}

export interface TurnAnswer extends Heard {
  readonly granted: readonly { readonly ask: LockAsk; readonly token: bigint }[];
  /** Somebody had these in hand: they are to be sent again. All other asks are granted, or wait. */
  readonly again: readonly LockAsk[];
  readonly againGivenUp: readonly GiveUp[];
}

/** Errors of all that is asked of it: DatabaseUnavailable, TransientConflict. */
export interface LockTable {
  /** How many turns may be under way: more than one where they are done in the order in which they were sent. */
  readonly turnsAtOnce: number;
  /** Begins the session's lease, or prolongs it. */
  beat(session: SessionIdentity, begins: boolean): Promise<Heard>;
  /** What was given up and asked for at the same time. Nobody waits in it. */
  turn(session: string, asks: readonly LockAsk[], givenUp: readonly GiveUp[]): Promise<TurnAnswer>;
  /** What has become of those who wait. `settles`: whoever is next gets what is free. */
  look(session: string, places: readonly Place[], settles: boolean): Promise<Heard>;
  /** Ends the session as if its lease had ended. */
  end(session: string): Promise<readonly LockNews[]>;
  holdersOf(place: Place): Promise<LockHolder[]>;
  /** Calls back with news, or without: then there may be some to look for. Returns the way to stop. */
  listen(session: string, hear: (news?: readonly LockNews[]) => void): () => void;
  /** Makes another session look. */
  tell(session: string): void;
}
