// What one owner has asked for and has got, as far as this process knows.
import { InvalidArgument, type StreamName } from '@concord/kernel';
import type { LeaseLost, OwnerWounded } from '../errors.js';
import type { LockMode } from '../lock-holder.js';
import type { GrantedLock, LockOwner } from '../lock-service.js';
import { covers, lockKey } from './lock-news.js';

export interface Place {
  readonly tenant: string;
  readonly stream: StreamName;
}

/** An owner asks for a lock, until it is over: granted, refused or released. */
export class LockAsk implements Place {
  readonly key: string;
  readonly granted: Promise<GrantedLock>;
  readonly since = performance.now();
  isOver = false;
  private settle!: { resolve(lock: GrantedLock): void; reject(error: unknown): void };

  constructor(
    readonly owner: LockOwner,
    readonly tenant: string,
    readonly stream: StreamName,
    readonly mode: LockMode,
  ) {
    this.key = lockKey(tenant, stream);
    this.granted = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    // Of several that are awaited together the others may fail too.
    this.granted.catch(() => undefined);
  }

  grant(lock: GrantedLock): void {
    this.isOver = true;
    this.settle.resolve(lock);
  }

  fail(error: unknown): void {
    this.isOver = true;
    this.settle.reject(error);
  }
}

export class OwnerLocks {
  readonly owner: LockOwner;
  isPrepared = false;
  isReleased = false;
  /** Why it has nothing any more, if so. */
  lost: OwnerWounded | LeaseLost | undefined;
  /** Whatever was asked for, also where the answer was lost. */
  readonly touched = new Map<string, LockAsk>();
  readonly held = new Map<string, GrantedLock>();
  readonly asks = new Map<string, LockAsk>();
  private ending: AbortController | undefined;

  constructor({ id, started, origin }: { id: string; started: bigint; origin: string }) {
    const signal = (): AbortSignal => this.signal;
    this.owner = {
      id,
      started,
      origin,
      // Made when it is first looked at: most owners never lose anything.
      get signal() {
        return signal();
      },
    };
  }

  private get signal(): AbortSignal {
    if (!this.ending) {
      this.ending = new AbortController();
      if (this.lost) this.ending.abort(this.lost);
    }
    return this.ending.signal;
  }

  granted(place: Place, mode: LockMode, fencingToken: bigint): void {
    const key = lockKey(place.tenant, place.stream);
    const ask = this.asks.get(key);
    if (!ask || !covers(mode, ask.mode)) return;
    const lock = { tenant: ask.tenant, stream: ask.stream, mode, fencingToken };
    this.asks.delete(key);
    this.held.set(key, lock);
    ask.grant(lock);
  }

  /** Its locks are others', or may be. */
  lose(error: OwnerWounded | LeaseLost): void {
    if (this.lost || this.isPrepared) return;
    this.lost = error;
    this.ending?.abort(error);
    this.failAsks(error);
  }

  /** Nothing more is asked for; answers what is to be given up. */
  release(): LockAsk[] {
    this.isReleased = true;
    // An error takes a tenth of the time of a lock, and nearly nobody is acquiring at this moment.
    if (this.asks.size > 0) {
      this.failAsks(new InvalidArgument(`owner ${this.owner.id} was released while it was acquiring`));
    }
    return [...this.touched.values()];
  }

  private failAsks(error: unknown): void {
    for (const ask of this.asks.values()) ask.fail(error);
    this.asks.clear();
  }
}
