// A lock service whose locks are in a table that a session works at: who its owners are, what they wait for, and until when.
// What a commit has to prove, the adapters know.
import { hostname } from 'node:os';
import { InvalidArgument, newId, type StreamName } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import { LeaseLost, LockWaitTimeout, OwnerWounded } from '../errors.js';
import type { LockHolder, LockMode } from '../lock-holder.js';
import {
  type Acquired,
  type AcquireOptions,
  type GrantedLock,
  type LockOwner,
  type LockRefusal,
  type LockRequest,
  LockService,
} from '../lock-service.js';
import { conflict, covers } from './lock-news.js';
import { LockSession } from './lock-session.js';
import type { LockTable } from './lock-table.js';
import { LockAsk, OwnerLocks } from './owner-locks.js';

/** How a process takes part in locking. */
export interface LockServiceOptions {
  /** After so long without a heartbeat a process has lost its locks, unless they are prepared; 10 seconds by default. */
  readonly leaseMs?: number;
  /** How often who waits looks for itself, should a hint be lost; half a second by default. */
  readonly lookMs?: number;
  /** What others call this process; by default its host and process id. */
  readonly label?: string;
}

const WAIT_MS = 10_000;

/** What the adapters have in common. */
export abstract class SessionLockService extends LockService {
  private readonly owners = new Map<string, OwnerLocks>();
  /** That of an owner's first lock is that of all its locks. */
  private readonly sessions = new WeakMap<OwnerLocks, LockSession>();
  private session: Promise<LockSession> | undefined;
  private lastSession: LockSession | undefined;
  private opening: Promise<LockSession> | undefined;
  private readonly looks = new Map<string, Promise<LockHolder[]>>();
  private readonly settings: Required<LockServiceOptions>;
  private lastStart = 0n;
  private isClosed = false;

  constructor(
    private readonly table: LockTable,
    options: LockServiceOptions,
  ) {
    super();
    this.settings = { leaseMs: 10_000, lookMs: 500, label: `${hostname()}:${process.pid}`, ...options };
    const { leaseMs } = this.settings;
    if (!(leaseMs >= 100 && leaseMs <= 3_600_000)) {
      throw new InvalidArgument(`leaseMs of a lock service is 100 to 3600000, not ${leaseMs}`);
    }
  }

  override begin(): LockOwner {
    const now = BigInt(Date.now()) * 1000n;
    this.lastStart = now > this.lastStart ? now : this.lastStart + 1n;
    const id = newId();
    return this.own({ id, started: this.lastStart, origin: id });
  }

  override again({ started, origin }: LockOwner): LockOwner {
    return this.own({ id: newId(), started, origin });
  }

  override async acquire(
    owner: LockOwner,
    requests: readonly LockRequest[],
    { waitMs = WAIT_MS }: AcquireOptions = {},
  ): Promise<Acquired> {
    const tenant = currentTenant();
    const state = this.stateOf(owner);
    const session = this.sessions.get(state) ?? this.aliveSession ?? (await this.openSession());
    this.sessions.set(state, session);
    const asks: LockAsk[] = [];
    const timer = setTimeout(() => void this.timeOut(asks, waitMs), waitMs);
    try {
      const locks = strongest(requests).map(([stream, mode]) => {
        const ask = new LockAsk(owner, tenant, stream, mode);
        asks.push(ask);
        return state.asks.has(ask.key)
          ? othersThan(ask, state).then(() => this.acquireOne(state, session, ask))
          : this.acquireOne(state, session, ask);
      });
      return { outcome: 'granted', locks: await Promise.all(locks) };
    } catch (error) {
      for (const ask of asks) session.giveUp(state, ask, error);
      if (isRefusal(error)) return { outcome: 'refused', error };
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  override async release(owner: LockOwner): Promise<void> {
    const state = this.owners.get(owner.id);
    if (!state) return;
    this.owners.delete(owner.id);
    const session = this.sessions.get(state);
    if (session) await session.release(state);
    else state.release();
  }

  override async close(): Promise<void> {
    this.isClosed = true;
    const session = await this.session?.catch(() => undefined);
    await session?.close();
  }

  private own(age: { id: string; started: bigint; origin: string }): LockOwner {
    const state = new OwnerLocks(age);
    this.owners.set(age.id, state);
    return state.owner;
  }

  /** The session in which an owner holds its locks, if it has any. */
  protected sessionOf(state: OwnerLocks): string | undefined {
    return this.sessions.get(state)?.id;
  }

  protected stateOf(owner: LockOwner): OwnerLocks {
    const state = this.owners.get(owner.id);
    if (state) return state;
    throw new InvalidArgument(`owner ${owner.id} was released: go on with again(owner), or begin()`);
  }

  private get aliveSession(): LockSession | undefined {
    return this.lastSession?.isAlive ? this.lastSession : undefined;
  }

  /** A new one, when the lease of the last one has ended, or it could not be opened. */
  private openSession(): Promise<LockSession> {
    if (this.isClosed) return Promise.reject(new InvalidArgument('this lock service is closed'));
    const last = this.session?.catch(() => undefined);
    const opened = (this.opening ??= (async () => {
      const session = await last;
      return (this.lastSession = session?.isAlive ? session : await new LockSession(this.table, this.settings).open());
    })().finally(() => (this.opening = undefined)));
    return (this.session = opened);
  }

  private acquireOne(state: OwnerLocks, session: LockSession, ask: LockAsk): Promise<GrantedLock> {
    if (!session.isAlive && !state.lost) state.lose(new LeaseLost(`the lease of owner ${state.owner.id} has ended`));
    if (state.lost) throw state.lost;
    if (state.isReleased) throw new InvalidArgument(`owner ${state.owner.id} was released`);
    const held = state.held.get(ask.key);
    if (held && covers(held.mode, ask.mode)) return Promise.resolve(held);
    session.ask(state, ask);
    return ask.granted;
  }

  private async timeOut(asks: readonly LockAsk[], waitedMs: number): Promise<void> {
    const late = asks.find(({ isOver }) => !isOver);
    if (!late) return;
    const all = await this.holdersOf(late).catch(() => []);
    const holders = all.filter(({ owner, mode }) => owner !== late.owner.id && conflict(mode, late.mode));
    late.fail(new LockWaitTimeout(late.stream, waitedMs, holders));
  }

  /** Those who gave up waiting at the same time are told the same. */
  private holdersOf(ask: LockAsk): Promise<LockHolder[]> {
    const known = this.looks.get(ask.key);
    if (known) return known;
    const look = this.table.holdersOf(ask).finally(() => this.looks.delete(ask.key));
    this.looks.set(ask.key, look);
    return look;
  }
}

// No stream of a store has one in its name, and what is sent to Redis has them between its parts.
// eslint-disable-next-line no-control-regex -- they are what it looks for
const CONTROL = /[\u0000-\u001f]/;

function strongest(requests: readonly LockRequest[]): [StreamName, LockMode][] {
  const modes = new Map<StreamName, LockMode>();
  for (const { stream, mode } of requests) {
    if (CONTROL.test(stream)) throw new InvalidArgument('a stream name has no control characters: correct the name');
    const other = modes.get(stream);
    if (!other || covers(mode, other)) modes.set(stream, mode);
  }
  return [...modes];
}

/** Asks of an owner for the same lock come one after the other. */
async function othersThan({ key, granted }: LockAsk, { asks }: OwnerLocks): Promise<void> {
  for (let other = asks.get(key); other; other = asks.get(key)) await Promise.race([other.granted, granted]);
}

function isRefusal(error: unknown): error is LockRefusal {
  return error instanceof LockWaitTimeout || error instanceof OwnerWounded || error instanceof LeaseLost;
}
