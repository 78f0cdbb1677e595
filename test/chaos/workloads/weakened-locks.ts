// A lock service whose locks are worth nothing, as weakened-store.ts has a store: what it was asked for it grants and gives back at
// once, or it never asks for the shared ones; and nobody is refused a commit for it. Expected versions are left in place.
import type { Database } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import {
  type Acquired,
  type AcquireOptions,
  type GrantedLock,
  type LockOwner,
  type LockRequest,
  type LockService,
  PostgresLockService,
} from '@concord/locking';

type FencedCommands = NonNullable<EventStore['fenced']>;

/** Locks are given back as soon as the stream is loaded; and no locks for what is only read. */
export const WEAKENINGS = ['locks-released-early', 'reads-without-locks'] as const;
export type Weakening = (typeof WEAKENINGS)[number];

export function isWeakening(name: string): name is Weakening {
  return (WEAKENINGS as readonly string[]).includes(name);
}

export function locksOn(database: Database, weakening: Weakening | undefined): LockService {
  return weakening ? new WeakenedLocks(database, weakening) : new PostgresLockService(database);
}

class WeakenedLocks extends PostgresLockService {
  constructor(
    database: Database,
    private readonly weakening: Weakening,
  ) {
    super(database);
  }

  override async acquire(
    owner: LockOwner,
    requests: readonly LockRequest[],
    options?: AcquireOptions,
  ): Promise<Acquired> {
    if (this.weakening === 'reads-without-locks') {
      return super.acquire(
        owner,
        requests.filter(({ mode }) => mode === 'X'),
        options,
      );
    }
    const shortly = this.again(owner);
    const acquired = await super.acquire(shortly, requests, options);
    await this.release(shortly);
    return acquired;
  }

  /** The store need not look at them. */
  override held(): readonly GrantedLock[] {
    return [];
  }

  override fence(): Promise<void> {
    return Promise.resolve();
  }
}

/** What a weakened store commits with: whatever has become of what was read. */
export class UnfencedCommands implements FencedCommands {
  constructor(private readonly sound: FencedCommands) {}

  assertEnds(): Promise<void> {
    return Promise.resolve();
  }

  append(...requests: Parameters<FencedCommands['append']>): ReturnType<FencedCommands['append']> {
    return this.sound.append(...requests);
  }

  commit(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}
