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
  /** Whatever was asked for, also where the answer was lost. */
  readonly touched = new Map<string, LockAsk>();
  readonly held = new Map<string, GrantedLock>();
  readonly asks = new Map<string, LockAsk>();
  private readonly ending = new AbortController();

  constructor(age: { id: string; started: bigint; origin: string }) {
    this.owner = { ...age, signal: this.ending.signal };
  }

  /** Why it has nothing any more, if so. */
  get lost(): OwnerWounded | LeaseLost | undefined {
    return this.ending.signal.reason as OwnerWounded | LeaseLost | undefined;
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
    this.ending.abort(error);
    this.failAsks(error);
  }

  /** Nothing more is asked for; answers what is to be given up. */
  release(): LockAsk[] {
    this.isReleased = true;
    this.failAsks(new InvalidArgument(`owner ${this.owner.id} was released while it was acquiring`));
    return [...this.touched.values()];
  }

  private failAsks(error: unknown): void {
    for (const ask of this.asks.values()) ask.fail(error);
    this.asks.clear();
  }
}
