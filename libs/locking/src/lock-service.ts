// The port of the lock service: locks on streams, held by owners until after their commit or abort (strict two-phase locking).
import type { StreamName } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { LeaseLost, LockWaitTimeout, OwnerWounded } from './errors.js';
import type { LockHolder, LockMode } from './lock-holder.js';

/** One attempt of a transaction. Its age is when the first attempt began: the older one wins. */
export interface LockOwner {
  readonly id: string;
  /** Microseconds since 1970. */
  readonly started: bigint;
  /** The id of the first attempt. */
  readonly origin: string;
  /** Aborts when the owner's locks do not count any more; its reason is OwnerWounded or LeaseLost. */
  readonly signal: AbortSignal;
}

/** A lock on a stream of the running tenant. */
export interface LockRequest {
  readonly stream: StreamName;
  readonly mode: LockMode;
}

/** A lock that is held. Its fencing token is greater than any that was given for that stream before. */
export interface GrantedLock {
  readonly tenant: TenantId;
  readonly stream: StreamName;
  readonly mode: LockMode;
  readonly fencingToken: bigint;
}

/** Why an acquire was refused. What the owner holds it keeps until it is released. */
export type LockRefusal = LockWaitTimeout | OwnerWounded | LeaseLost;

/** What an acquire came to: all of the locks, or a refusal. */
export type Acquired =
  | { readonly outcome: 'granted'; readonly locks: readonly GrantedLock[] }
  | { readonly outcome: 'refused'; readonly error: LockRefusal };

/** How long an acquire may take. */
export interface AcquireOptions {
  /** 10 seconds by default. */
  readonly waitMs?: number;
}

/** A lock as an operator sees it. */
export interface ListedLock extends GrantedLock {
  readonly owner: string;
  readonly started: Date;
  readonly label: string;
  readonly prepared: boolean;
}

/** An edge of the wait-for graph. */
export interface LockWait {
  readonly tenant: TenantId;
  readonly stream: StreamName;
  readonly owner: string;
  readonly mode: LockMode;
  readonly since: Date;
  readonly waitsFor: LockHolder;
}

/** Locks on streams, for all processes that use the same database. */
export abstract class LockService {
  /** A new transaction, the youngest of all. */
  abstract begin(): LockOwner;

  /** The next attempt of a transaction, as old as the ones before. Those are to be released. */
  abstract again(owner: LockOwner): LockOwner;

  /**
   * Acquires all of the locks for the running tenant, or waits, without a connection. What the owner has already it is
   * given again. Errors, apart from refusals: DatabaseUnavailable; then the owner is to be released.
   */
  abstract acquire(owner: LockOwner, requests: readonly LockRequest[], options?: AcquireOptions): Promise<Acquired>;

  /**
   * Gives up all that the owner holds and waits for, but not what is prepared, and ends the owner. Resolves when it is done;
   * need not be awaited, and never rejects.
   */
  abstract release(owner: LockOwner): Promise<void>;

  /**
   * In the ambient transaction: refuses it unless all that the owner acquired is held still, and keeps it so until the
   * transaction has ended. Need not be awaited: where it fails, the commit fails. Errors: OwnershipLost.
   */
  abstract fence(owner: LockOwner): Promise<void>;

  /**
   * What the owner holds, where the database that stores the streams keeps the locks, too, and can check the tokens in the very
   * statement that appends. Undefined where it has to be fence().
   */
  held?(owner: LockOwner): readonly GrantedLock[];

  /**
   * In the ambient transaction: fences, and from its commit on the locks outlive the lease, this process and a crash of the
   * database, and are never wounded. Errors: OwnershipLost.
   */
  abstract prepare(owner: LockOwner): Promise<void>;

  /** Releases what was prepared by the owner with this id, in any process: in the ambient transaction, if there is one. */
  abstract releasePrepared(ownerId: string): Promise<void>;

  /** Every lock of every tenant. */
  abstract locks(): Promise<ListedLock[]>;

  /** Who waits for whom, of every tenant. */
  abstract waits(): Promise<LockWait[]>;

  /** Gives up everything that is not prepared. */
  abstract close(): Promise<void>;
}
