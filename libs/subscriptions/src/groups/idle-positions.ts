// Saves the positions of slices that found nothing to do, of all slices of a member in one transaction, so that other processes can
// wait for them. One that is lost with the server is no loss: it takes no flush.
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSql } from '@concord/database';
import { delayOf } from '../backoff.js';
import type { GroupWork } from './group-work.js';
import type { IdleMove } from './slice-progress.js';
import type { SliceWorker } from './slice-worker.js';

const saveIdle = loadSql(import.meta.url, 'sql/save-idle-positions.sql');
const asynchronously = { text: 'set local synchronous_commit = off' };

// Saving takes a quarter of the time at most.
const REST = 3;
const PACE_MS = 50;
const IDLE_MS = 60_000;
const FAILURE_BACKOFF = { firstMs: PACE_MS, mostMs: 10_000 };

export class IdlePositions {
  private running: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  constructor(
    private readonly work: GroupWork,
    private readonly workers: () => Iterable<SliceWorker>,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.work.advanced.raise();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const isOver = (): boolean => signal.aborted;
    let failures = 0;
    while (!isOver()) {
      const { seen } = this.work.advanced;
      const began = performance.now();
      try {
        await this.save();
        failures = 0;
      } catch (error) {
        failures += 1;
        this.work.report({ error, outcome: 'interrupted' });
      }
      const pace = failures > 0 ? delayOf(FAILURE_BACKOFF, failures) : 0;
      const rest = Math.max(PACE_MS, pace, (performance.now() - began) * REST);
      await sleep(rest, undefined, { signal }).catch(() => undefined);
      // Nobody may raise it after a failure: all slices may have moved before.
      if (!isOver() && failures === 0) await this.work.advanced.wait(seen, IDLE_MS);
    }
  }

  private async save(): Promise<void> {
    const lent = [...this.workers()].flatMap((worker) => {
      const moves = worker.lend();
      return moves ? [{ worker, moves }] : [];
    });
    if (lent.length === 0) return;
    let saved: ReadonlySet<number> | undefined;
    try {
      saved = await this.commit(lent.map(({ worker, moves }) => ({ ...worker.owned, moves })));
    } finally {
      // One lost answer is enough to have memory and database differ in a slice, and then no later statement for all comes through.
      for (const { worker, moves } of lent) worker.giveBack(saved ? kept(worker, moves, saved) : 'unknown');
    }
  }

  /** Answers the slices that were this member's still. */
  private async commit(slices: readonly Moved[]): Promise<ReadonlySet<number>> {
    const { database, settings } = this.work;
    const own = slices.map(({ slice, fencingToken }) => ({ slice, token: fencingToken }));
    const moved = slices.flatMap(({ slice, moves }) => moves.map((move) => ({ slice, ...move })));
    const rows = await database.transaction(async () => {
      void database.query(asynchronously);
      return database.query<{ slice: number }>(saveIdle, [settings.name, toJson(own), toJson(moved)]);
    });
    return new Set(rows.map(({ slice }) => slice));
  }
}

function kept(worker: SliceWorker, moves: readonly IdleMove[], saved: ReadonlySet<number>): readonly IdleMove[] {
  return saved.has(worker.owned.slice) ? moves : [];
}

interface Moved {
  readonly slice: number;
  readonly fencingToken: bigint;
  readonly moves: readonly IdleMove[];
}

function toJson(rows: readonly object[]): string {
  return JSON.stringify(rows, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
