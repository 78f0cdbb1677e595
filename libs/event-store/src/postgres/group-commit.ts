// Group commit: single events that are appended at the same time travel in one call and one flush, each with its own
// verdict. Two calls are under way at most; whoever comes meanwhile is in the next, so that a lone append never waits. (With
// one, 8 appends in flight ran at 0.25 to 0.5 of it wherever the machine had other work: nothing overlapped the wait.)
import { type Database, DatabaseUnavailable, loadSql } from '@concord/database';
import { jsonTextOf } from '../json-text.js';
import type { AppendedRow } from './rows.js';

/** What concord.append_event takes. */
export interface SingleAppend {
  readonly tenant: string;
  readonly stream: string;
  readonly expected: string;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly metadata: unknown;
}

interface Waiting {
  readonly append: SingleAppend;
  readonly resolve: (row: AppendedRow) => void;
  readonly reject: (error: unknown) => void;
}

interface AddedRow {
  readonly n: number;
  readonly last_stream_position: bigint;
  readonly global_position: bigint;
  readonly recorded_at: Date;
}

const sql = {
  one: loadSql(import.meta.url, 'sql/append-event.sql'),
  many: loadSql(import.meta.url, 'sql/append-events.sql'),
};
const MAX_BATCH = 128;
const MAX_UNDER_WAY = 2;

export class GroupCommit {
  private queue: Waiting[] = [];
  private underWay = 0;
  /** The streams and event ids of the calls under way: what comes for them waits, so that its order is kept. */
  private readonly held = new Set<string>();

  constructor(private readonly database: Database) {}

  /** Resolves when the append is durable. Errors: those of concord.append_event, each append's own. */
  append(append: SingleAppend): Promise<AppendedRow> {
    return new Promise((resolve, reject) => {
      this.queue.push({ append, resolve, reject });
      void this.flush();
    });
  }

  private async flush(): Promise<void> {
    if (this.underWay >= MAX_UNDER_WAY) return;
    this.underWay += 1;
    for (let batch = this.take(); batch.length > 0; batch = this.take()) {
      const [only] = batch;
      if (only && batch.length === 1) await this.alone(only, false);
      else await this.together(batch);
      for (const key of batch.flatMap(keysOf)) this.held.delete(key);
    }
    this.underWay -= 1;
  }

  /** In the order they came, but for a second append to a stream, or of an event id: it goes with a later batch. */
  private take(): Waiting[] {
    const taken = new Set(this.held);
    const batch: Waiting[] = [];
    const rest: Waiting[] = [];
    for (const waiting of this.queue) {
      const keys = keysOf(waiting);
      const fits = batch.length < MAX_BATCH && !keys.some((key) => taken.has(key));
      for (const key of keys) taken.add(key);
      (fits ? batch : rest).push(waiting);
    }
    this.queue = rest;
    for (const key of batch.flatMap(keysOf)) this.held.add(key);
    return batch;
  }

  private async together(batch: readonly Waiting[]): Promise<void> {
    const left = new Set(batch);
    try {
      for (const row of await this.database.queryOutside<AddedRow>(sql.many, [textOf(batch)])) {
        const waiting = batch[row.n];
        if (!waiting || !left.delete(waiting)) continue;
        waiting.resolve({ ...row, global_positions: [row.global_position.toString()], repeated: false });
      }
    } catch (error) {
      if (error instanceof DatabaseUnavailable) {
        // Whether it was committed is not known.
        for (const waiting of left) waiting.reject(error);
        return;
      }
      // One of them spoiled it for all, and nothing was changed: each finds out for itself.
    }
    for (const waiting of left) void this.alone(waiting, true);
  }

  /** Without patience, a lock that somebody holds is waited for aside, so that nobody else waits with it. */
  private async alone({ append, resolve, reject }: Waiting, patient: boolean): Promise<void> {
    try {
      const [row] = await this.database.queryOutside<AppendedRow>(sql.one, valuesOf(append, patient));
      if (row?.recorded_at) resolve(row);
      else void this.alone({ append, resolve, reject }, true);
    } catch (error) {
      reject(error);
    }
  }
}

function keysOf({ append: { tenant, stream, id } }: Waiting): string[] {
  return [`${tenant}/${stream}`, `${tenant}/${id}`];
}

/** The parameters of sql/append-event.sql. */
export function valuesOf(append: SingleAppend, patient: boolean): unknown[] {
  const { tenant, stream, expected, id, type, data, metadata } = append;
  return [tenant, stream, expected, id, type, jsonTextOf(data), JSON.stringify(metadata), patient];
}

/** The parameters of sql/append-locked-event.sql. */
export function lockedValuesOf(append: SingleAppend, position: bigint): unknown[] {
  const { tenant, stream, id, type, data, metadata } = append;
  return [tenant, stream, position, id, type, jsonTextOf(data), JSON.stringify(metadata)];
}

function textOf(batch: readonly Waiting[]): string {
  const texts = batch.map(({ append: { data, ...rest } }, n) => withData(JSON.stringify({ n, ...rest }), data));
  return `[${texts.join()}]`;
}

/** The text of a JSON object, and within it a payload as it is. */
export function withData(object: string, data: unknown): string {
  return `${object.slice(0, -1)},"data":${jsonTextOf(data)}}`;
}
