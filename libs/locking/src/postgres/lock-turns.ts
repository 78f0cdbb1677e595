// A session's turns at the locks: what its owners ask for and give up at the same time travels in one call, and one call is
// under way at a time, so that nothing overtakes what was sent before it. It has a connection aside: transactions wait for
// locks, and may hold all others.
import { type Database, DatabaseUnavailable, loadSql, TransientConflict } from '@concord/database';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockNews } from './lock-news.js';
import type { LockAsk, Place } from './owner-locks.js';

export interface GiveUp extends Place {
  readonly owner: string;
  /** The wait, not the lock. */
  readonly waitsOnly: boolean;
  readonly done: () => void;
}

export interface TurnEvents {
  granted(ask: LockAsk, token: bigint): void;
  heard(news: readonly LockNews[]): void;
  /** The lease has ended. */
  ended(): void;
}

interface TurnRow {
  readonly alive: boolean;
  readonly granted: readonly number[] | null;
  readonly tokens: string | null;
  readonly again_released: readonly number[] | null;
  readonly again: readonly number[] | null;
  readonly news: readonly LockNews[] | null;
}

const turn = loadSql(import.meta.url, 'sql/lock-turn.sql');
const MOST = 256;
// Somebody had the row in hand, for well under a millisecond in nearly all cases.
const AGAIN_MS = 1;
const AFTER_FAILURE_MS = 100;

export class LockTurns {
  private asks: LockAsk[] = [];
  private givenUp: GiveUp[] = [];
  private isGathering = false;
  private isUnderWay = false;
  private isClosed = false;

  constructor(
    private readonly database: Database,
    private readonly session: string,
    private readonly events: TurnEvents,
  ) {}

  ask(ask: LockAsk): void {
    this.asks.push(ask);
    this.gather();
  }

  giveUp(giveUp: GiveUp): void {
    if (this.isClosed) giveUp.done();
    else this.givenUp.push(giveUp);
    this.gather();
  }

  /** Sends nothing more: what the session had is given up otherwise. */
  close(): void {
    this.isClosed = true;
    for (const { done } of this.givenUp.splice(0)) done();
  }

  /** Whatever is asked in this turn of the event loop goes together. */
  private gather(): void {
    if (this.isGathering || this.isUnderWay || this.isClosed) return;
    if (this.asks.length + this.givenUp.length === 0) return;
    this.isGathering = true;
    process.nextTick(() => {
      this.isGathering = false;
      this.isUnderWay = true;
      void this.take().finally(() => {
        this.isUnderWay = false;
        this.gather();
      });
    });
  }

  private async take(): Promise<void> {
    const asks = this.asks.splice(0, MOST).filter(({ isOver }) => !isOver);
    // Whoever got a lock before an older one would have to give it back.
    asks.sort(byAge);
    const givenUp = this.givenUp.splice(0, MOST);
    if (asks.length + givenUp.length === 0) return;
    try {
      const [row] = await this.database.queryAside<TurnRow>(turn, valuesOf(this.session, asks, givenUp));
      if (!row) throw new Error('unreachable: a function answers one row');
      this.answer(row, asks, givenUp);
    } catch (error) {
      if (error instanceof TransientConflict) {
        this.later(AGAIN_MS, asks, givenUp);
        return;
      }
      for (const ask of asks) ask.fail(error);
      // Without the database there is nobody who could be told: the lease ends by itself, unless it is back before.
      if (error instanceof DatabaseUnavailable && this.isClosed) for (const { done } of givenUp) done();
      else this.later(AFTER_FAILURE_MS, [], givenUp);
    }
  }

  private answer(row: TurnRow, asks: readonly LockAsk[], givenUp: readonly GiveUp[]): void {
    const repeated = pick(givenUp, row.again_released);
    for (const one of givenUp) if (!repeated.includes(one)) one.done();
    const tokens = row.tokens?.split(',') ?? [];
    pick(asks, row.granted).forEach((ask, n) => this.events.granted(ask, BigInt(tokens[n] ?? 0)));
    if (row.news) this.events.heard(row.news);
    if (!row.alive) this.events.ended();
    this.later(AGAIN_MS, pick(asks, row.again), repeated);
  }

  private later(milliseconds: number, asks: readonly LockAsk[], givenUp: readonly GiveUp[]): void {
    if (asks.length + givenUp.length === 0) return;
    void sleep(milliseconds).then(() => {
      this.asks = [...asks, ...this.asks];
      for (const one of givenUp) this.giveUp(one);
      this.gather();
    });
  }
}

function byAge({ owner: one }: LockAsk, { owner: other }: LockAsk): number {
  if (one.started !== other.started) return one.started < other.started ? -1 : 1;
  return one.origin < other.origin ? -1 : 1;
}

function pick<T>(items: readonly T[], numbers: readonly number[] | null): T[] {
  return (numbers ?? []).flatMap((number) => items[number - 1] ?? []);
}

function valuesOf(session: string, asks: readonly LockAsk[], givenUp: readonly GiveUp[]): unknown[] {
  return [
    session,
    givenUp.map(({ owner }) => owner),
    givenUp.map(({ tenant }) => tenant),
    givenUp.map(({ stream }) => stream),
    givenUp.map(({ waitsOnly }) => waitsOnly),
    asks.map(({ owner }) => owner.id),
    asks.map(({ owner }) => owner.started),
    asks.map(({ owner }) => owner.origin),
    asks.map(({ tenant }) => tenant),
    asks.map(({ stream }) => stream),
    asks.map(({ mode }) => mode),
  ];
}
