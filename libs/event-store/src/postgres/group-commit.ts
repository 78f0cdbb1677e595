// Group commit: appends that are made at the same time travel in one call and one flush, each with its own verdict. There is
// no delay: two calls are under way at most, and whoever comes meanwhile is in the next. (With one, 8 appends in flight ran
// at 0.25 to 0.5 of it wherever the machine had other work: nothing overlapped the wait.)
import { type Database, DatabaseUnavailable, loadSql } from '@concord/database';
import { StoreUnavailable } from '../errors.js';
import { AppendAside } from './append-aside.js';
import { batchValues, type Chain, eventsIn, keysOf, sizeOf } from './append-batch.js';
import { AppendQueue } from './append-queue.js';
import { carrying } from './batch-telemetry.js';
import type { AppendedRow } from './rows.js';
import { eventValues, type StreamAppend } from './stream-append.js';

/** Lists, separated by commas: after which position each chain was added, nothing where it was not, and what was drawn for it. */
interface BatchRow {
  readonly ends: string;
  readonly global_positions: string | null;
  readonly recorded_at: Date;
}

const sql = {
  alone: loadSql(import.meta.url, 'sql/append-alone.sql'),
  batch: loadSql(import.meta.url, 'sql/append-batch.sql'),
};
const MAX_UNDER_WAY = 2;

/** What may wait of one process at once. More is refused with StoreUnavailable, unless nothing else is waiting. */
export interface AppendLimits {
  readonly appends: number;
  readonly characters: number;
}

/** More than any process that is well has waiting: beyond it, waiting longer only costs memory, of which this is what most have. */
export const APPEND_LIMITS: AppendLimits = { appends: 100_000, characters: 256_000_000 };

export class GroupCommit {
  private readonly queue = new AppendQueue<AppendedRow>();
  private readonly aside: AppendAside;
  private underWay = 0;
  private isGathering = false;

  constructor(
    private readonly database: Database,
    private readonly most: AppendLimits = APPEND_LIMITS,
  ) {
    this.aside = new AppendAside(database);
  }

  /** Resolves when the append is durable. Errors: those of concord.append, each append's own; StoreUnavailable. */
  append(append: StreamAppend): Promise<AppendedRow> {
    const size = sizeOf(append);
    if (!this.hasRoom(size)) return Promise.reject(tooMuch(this.queue, size));
    return new Promise((resolve, reject) => {
      this.queue.add({ append, ...keysOf(append), size, since: performance.now(), resolve, reject });
      this.gather();
    });
  }

  private hasRoom(size: number): boolean {
    if (this.queue.size === 0) return true;
    return this.queue.size < this.most.appends && this.queue.characters + size <= this.most.characters;
  }

  /** Whatever is appended in this turn goes together: of those that one call answers, most append again at once. */
  private gather(): void {
    if (this.isGathering || this.underWay >= MAX_UNDER_WAY || !this.queue.isReady) return;
    this.isGathering = true;
    process.nextTick(() => {
      this.isGathering = false;
      this.sendNext();
    });
  }

  private sendNext(): void {
    const chains = this.queue.take(MAX_UNDER_WAY - this.underWay);
    if (chains.length === 0) return;
    this.underWay += 1;
    void this.send(chains).then(() => {
      this.underWay -= 1;
      this.gather();
    });
    this.gather();
  }

  /** Never rejects. What is left over finds out aside, so that nobody else waits with it: only what comes for its stream. */
  private async send(chains: readonly Chain<AppendedRow>[]): Promise<void> {
    const left = new Set(chains);
    try {
      for (const [chain, row] of await this.call(chains)) {
        left.delete(chain);
        this.queue.release(chain);
        answer(chain, row);
      }
    } catch (error) {
      // Whether it was committed is not known.
      if (error instanceof DatabaseUnavailable) {
        for (const chain of left) this.queue.release(chain);
        rejectAll(left, error);
        return;
      }
      // One of them spoiled it for all, and nothing was changed: each finds out for itself.
    }
    for (const chain of left) {
      void this.aside.settle(chain).then(() => {
        this.queue.release(chain);
        this.gather();
      });
    }
  }

  private call(chains: readonly Chain<AppendedRow>[]): Promise<[Chain<AppendedRow>, AppendedRow][]> {
    const appends = (): StreamAppend[] => chains.flatMap(({ links }) => links.map(({ append }) => append));
    return carrying(appends, () => this.callNow(chains));
  }

  private async callNow(chains: readonly Chain<AppendedRow>[]): Promise<[Chain<AppendedRow>, AppendedRow][]> {
    const [only] = chains;
    if (only && chains.length === 1 && only.links.length === 1) {
      const values = eventValues(only.links[0]?.append);
      if (values) return (await this.database.queryOutside<AppendedRow>(sql.alone, values)).map((row) => [only, row]);
    }
    const [row] = await this.database.queryOutside<BatchRow>(sql.batch, batchValues(chains));
    return row ? chainRows(chains, row) : [];
  }
}

/** Those that were added, in order. */
function chainRows(chains: readonly Chain<AppendedRow>[], row: BatchRow): [Chain<AppendedRow>, AppendedRow][] {
  const { recorded_at } = row;
  const ends = row.ends.split(',');
  const drawn = row.global_positions?.split(',') ?? [];
  const added: [Chain<AppendedRow>, AppendedRow][] = [];
  let from = 0;
  for (const [index, chain] of chains.entries()) {
    const end = ends[index];
    if (!end) continue;
    const global_positions = drawn.slice(from, (from += eventsIn(chain)));
    const last_stream_position = BigInt(end) + BigInt(global_positions.length);
    added.push([chain, { last_stream_position, global_positions, repeated: false, recorded_at }]);
  }
  return added;
}

function tooMuch(waiting: { readonly size: number; readonly characters: number }, size: number): StoreUnavailable {
  return new StoreUnavailable(
    `${waiting.size} appends of ${waiting.characters} characters are waiting already, and this one has ${size}; nothing of ` +
      'it was added: send less at a time, or this one again later',
  );
}

function rejectAll(chains: Iterable<Chain<AppendedRow>>, error: unknown): void {
  for (const { links } of chains) for (const { reject } of links) reject(error);
}

/** Shares a chain's row out among its links. */
function answer({ links }: Chain<AppendedRow>, row: AppendedRow): void {
  let from = 0;
  let after = row.last_stream_position - BigInt(row.global_positions.length);
  for (const { append, resolve } of links) {
    const count = append.events.length;
    after += BigInt(count);
    const global_positions = row.global_positions.slice(from, from + count);
    resolve({ ...row, last_stream_position: after, global_positions });
    from += count;
  }
}
