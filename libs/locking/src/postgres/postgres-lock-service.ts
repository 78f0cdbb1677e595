// The lock service on PostgreSQL: locks are kept in the database that stores the streams, and its clock and its order count.
import { hostname } from 'node:os';
import { type Database, DatabaseUnavailable, loadSql, OwnershipLost } from '@concord/database';
import { InvalidArgument, newId, type StreamName } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import { LeaseLost, LockWaitTimeout, OwnerWounded } from '../errors.js';
import type { LockHolder, LockMode } from '../lock-holder.js';
import {
  type Acquired,
  type AcquireOptions,
  type GrantedLock,
  type ListedLock,
  type LockOwner,
  type LockRefusal,
  type LockRequest,
  LockService,
  type LockWait,
} from '../lock-service.js';
import { channelOf, conflict, covers, type LockNews } from './lock-news.js';
import { LockSession } from './lock-session.js';
import { LockAsk, OwnerLocks } from './owner-locks.js';

/** How a process takes part in locking. */
export interface LockServiceOptions {
  /** After so long without a heartbeat a process has lost its locks, unless they are prepared; 3 seconds by default. */
  readonly leaseMs?: number;
  /** How often who waits looks for itself, should a hint be lost; half a second by default. */
  readonly lookMs?: number;
  /** What others call this process; by default its host and process id. */
  readonly label?: string;
}

interface ListedRow {
  readonly tenant: string;
  readonly stream: StreamName;
  readonly mode: LockMode;
  readonly token: bigint;
  readonly owner: string;
  readonly started: Date;
  readonly label: string;
  readonly prepared: boolean;
}

interface WaitRow {
  readonly tenant: string;
  readonly stream: StreamName;
  readonly owner: string;
  readonly mode: LockMode;
  readonly asked_at: Date;
  readonly for_owner: string;
  readonly for_mode: LockMode;
  readonly is_held: boolean;
  readonly prepared: boolean;
  readonly label: string;
}

const sql = {
  fence: loadSql(import.meta.url, 'sql/fence-locks.sql'),
  prepare: loadSql(import.meta.url, 'sql/prepare-locks.sql'),
  releasePrepared: loadSql(import.meta.url, 'sql/release-prepared.sql'),
  holders: loadSql(import.meta.url, 'sql/lock-holders.sql'),
  held: loadSql(import.meta.url, 'sql/held-locks.sql'),
  waits: loadSql(import.meta.url, 'sql/lock-waits.sql'),
};
const WAIT_MS = 10_000;

/** The lock service on PostgreSQL. */
export class PostgresLockService extends LockService {
  private readonly owners = new Map<string, OwnerLocks>();
  /** That of an owner's first lock is that of all its locks. */
  private readonly sessions = new WeakMap<OwnerLocks, LockSession>();
  private session: Promise<LockSession> | undefined;
  private opening: Promise<LockSession> | undefined;
  private readonly looks = new Map<string, Promise<LockHolder[]>>();
  private readonly settings: Required<LockServiceOptions>;
  private lastStart = 0n;
  private isClosed = false;

  constructor(
    private readonly database: Database,
    options: LockServiceOptions = {},
  ) {
    super();
    this.settings = { leaseMs: 3_000, lookMs: 500, label: `${hostname()}:${process.pid}`, ...options };
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
    const session = this.sessions.get(state) ?? (await this.openSession());
    this.sessions.set(state, session);
    const asks: LockAsk[] = [];
    const timer = setTimeout(() => void this.timeOut(asks, waitMs), waitMs);
    try {
      const locks = strongest(requests).map(async ([stream, mode]) => {
        const ask = new LockAsk(owner, tenant, stream, mode);
        asks.push(ask);
        await othersThan(ask, state);
        return this.acquireOne(state, session, ask);
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

  override held(owner: LockOwner): readonly GrantedLock[] {
    return [...this.stateOf(owner).held.values()];
  }

  override async fence(owner: LockOwner): Promise<void> {
    await this.refuseUnlessHeld(sql.fence, owner);
  }

  override async prepare(owner: LockOwner): Promise<void> {
    const state = this.stateOf(owner);
    await this.refuseUnlessHeld(sql.prepare, owner);
    this.database.current?.onCommit(() => (state.isPrepared = true));
  }

  override async releasePrepared(ownerId: string): Promise<void> {
    const news = await this.database.query<LockNews>(sql.releasePrepared, [ownerId]);
    const tell = (): void => {
      for (const session of new Set(news.map((one) => one.session))) {
        this.database.notifications.notify(channelOf(session));
      }
    };
    const { current } = this.database;
    if (current) current.onCommit(tell);
    else tell();
  }

  override async locks(): Promise<ListedLock[]> {
    const rows = await this.database.queryOutside<ListedRow>(sql.held);
    return rows.map(({ token, ...row }) => ({ ...row, fencingToken: token }));
  }

  override async waits(): Promise<LockWait[]> {
    const rows = await this.database.queryOutside<WaitRow>(sql.waits);
    return rows.map(({ tenant, stream, owner, mode, asked_at, for_owner, for_mode, is_held, prepared, label }) => {
      const waitsFor = { owner: for_owner, mode: for_mode, label, prepared, holds: is_held };
      return { tenant, stream, owner, mode, since: asked_at, waitsFor };
    });
  }

  override async close(): Promise<void> {
    this.isClosed = true;
    const session = await this.session?.catch(() => undefined);
    // Without the database nobody can be told: the lease ends by itself.
    await session?.close().catch((error: unknown) => {
      if (!(error instanceof DatabaseUnavailable)) throw error;
    });
  }

  private own(age: { id: string; started: bigint; origin: string }): LockOwner {
    const state = new OwnerLocks(age);
    this.owners.set(age.id, state);
    return state.owner;
  }

  private stateOf(owner: LockOwner): OwnerLocks {
    const state = this.owners.get(owner.id);
    if (state) return state;
    throw new InvalidArgument(`owner ${owner.id} was released: go on with again(owner), or begin()`);
  }

  /** A new one, when the lease of the last one has ended, or it could not be opened. */
  private openSession(): Promise<LockSession> {
    if (this.isClosed) return Promise.reject(new InvalidArgument('this lock service is closed'));
    const last = this.session?.catch(() => undefined);
    const opened = (this.opening ??= (async () => {
      const session = await last;
      return session?.isAlive ? session : new LockSession(this.database, this.settings).open();
    })().finally(() => (this.opening = undefined)));
    return (this.session = opened);
  }

  private async acquireOne(state: OwnerLocks, session: LockSession, ask: LockAsk): Promise<GrantedLock> {
    if (!session.isAlive && !state.lost) state.lose(new LeaseLost(`the lease of owner ${state.owner.id} has ended`));
    if (state.lost) throw state.lost;
    if (state.isReleased) throw new InvalidArgument(`owner ${state.owner.id} was released`);
    const held = state.held.get(ask.key);
    if (held && covers(held.mode, ask.mode)) return held;
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
  private holdersOf({ key, tenant, stream }: LockAsk): Promise<LockHolder[]> {
    const known = this.looks.get(key);
    if (known) return known;
    const look = this.database
      .queryAside<LockHolder & object>(sql.holders, [tenant, stream])
      .finally(() => this.looks.delete(key));
    this.looks.set(key, look);
    return look;
  }

  private async refuseUnlessHeld(statement: typeof sql.fence, owner: LockOwner): Promise<void> {
    const state = this.stateOf(owner);
    const { current } = this.database;
    if (!current) throw new InvalidArgument('this works in a transaction: run it in Database.transaction()');
    if (state.lost) {
      const error = new OwnershipLost(state.lost.message, {}, { cause: state.lost });
      // Nobody may be waiting for it; the commit reports it.
      current.hold(Promise.reject(error));
      throw error;
    }
    const held = [...state.held.values()];
    await this.database.query(statement, [
      owner.id,
      held.map(({ tenant }) => tenant),
      held.map(({ stream }) => stream),
      held.map(({ fencingToken }) => fencingToken),
    ]);
  }
}

function strongest(requests: readonly LockRequest[]): [StreamName, LockMode][] {
  const modes = new Map<StreamName, LockMode>();
  for (const { stream, mode } of requests) {
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
