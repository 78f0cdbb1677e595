// A session's turns at the locks: what its owners ask for and give up at the same time travels in one call, and nothing
// overtakes what was sent before it: where calls might, one is under way at a time.
import { DatabaseUnavailable, TransientConflict } from '@concord/database';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockNews } from './lock-news.js';
import type { GiveUp, LockTable, TurnAnswer } from './lock-table.js';
import type { LockAsk } from './owner-locks.js';

export interface TurnEvents {
  granted(ask: LockAsk, token: bigint): void;
  heard(news: readonly LockNews[]): void;
  /** The lease has ended. */
  ended(): void;
}

const MOST = 256;
// Somebody had the row in hand, for well under a millisecond in nearly all cases.
const AGAIN_MS = 1;
const AFTER_FAILURE_MS = 100;

export class LockTurns {
  private asks: LockAsk[] = [];
  private givenUp: GiveUp[] = [];
  private isGathering = false;
  private underWay = 0;
  private isClosed = false;

  constructor(
    private readonly table: LockTable,
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
    if (this.isGathering || this.underWay >= this.table.turnsAtOnce || this.isClosed) return;
    if (this.asks.length + this.givenUp.length === 0) return;
    this.isGathering = true;
    process.nextTick(() => {
      this.isGathering = false;
      this.underWay += 1;
      void this.take().finally(() => {
        this.underWay -= 1;
        this.gather();
      });
    });
  }

  private async take(): Promise<void> {
    const asks = this.asks.splice(0, MOST).filter(({ isOver }) => !isOver);
    const givenUp = this.givenUp.splice(0, MOST);
    if (asks.length + givenUp.length === 0) return;
    try {
      this.answer(await this.table.turn(this.session, asks, givenUp), givenUp);
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

  private answer({ alive, granted, again, againGivenUp, news }: TurnAnswer, givenUp: readonly GiveUp[]): void {
    for (const one of givenUp) if (!againGivenUp.includes(one)) one.done();
    for (const { ask, token } of granted) this.events.granted(ask, token);
    if (news.length > 0) this.events.heard(news);
    if (!alive) this.events.ended();
    this.later(AGAIN_MS, again, againGivenUp);
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
