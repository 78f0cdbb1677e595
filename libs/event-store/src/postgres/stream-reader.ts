// Reads one stream by keyset pages. A stream has no gaps: where its rows begin later than they should, its first events
// are archived, or shown no more.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Database, loadSql } from '@concord/database';
import type { RecordedEvent, StreamName, StreamPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { LinkTarget } from '../links.js';
import type { ReadStreamOptions } from '../requests.js';
import type { Sealing } from '../sealing.js';
import { EVENT_VERSION } from '../upcasts.js';
import type { ArchiveReader } from './archive/archive-reader.js';
import { eachOf } from './each-of.js';
import { readStreamPage } from './packed-page.js';
import { type EventRow, type LoadedRow, streamOf, type StreamRow, toRecordedEvent, toStreamEvent } from './rows.js';

const sql = {
  forwards: {
    packed: loadSql(import.meta.url, 'sql/read-stream-packed.sql'),
    rows: loadSql(import.meta.url, 'sql/read-stream-forwards.sql'),
  },
  targets: loadSql(import.meta.url, 'sql/find-targets.sql'),
  backwards: loadSql(import.meta.url, 'sql/read-stream-backwards.sql'),
};
const PAGE = 1000;
const MAX_POSITION = 2n ** 63n - 1n;

export class StreamReader {
  constructor(
    private readonly database: Database,
    private readonly archives: ArchiveReader,
    private readonly sealing: Sealing,
  ) {}

  read(tenant: TenantId, stream: StreamName, options: ReadStreamOptions): AsyncIterable<RecordedEvent> {
    return eachOf(this.pages(tenant, stream, options));
  }

  private async *pages(
    tenant: TenantId,
    stream: StreamName,
    { limit = Number.POSITIVE_INFINITY, from, direction }: ReadStreamOptions,
  ): AsyncGenerator<RecordedEvent[]> {
    const left = { events: limit };
    const start = { tenant, stream, from };
    for await (const page of direction === 'backwards' ? this.backwards(start, left) : this.forwards(start, left)) {
      const rows = page.slice(0, left.events);
      await this.sealing.rows(tenant, rows, () => stream);
      left.events -= rows.length;
      yield rows.map((row) => toStreamEvent(row, tenant, stream));
      if (left.events <= 0) return;
    }
  }

  /** Single events, as far as their streams show them; what is not in the table may be archived. */
  async find(tenant: TenantId, targets: readonly LinkTarget[]): Promise<RecordedEvent[]> {
    const values = [tenant, targets.map(({ stream }) => stream), targets.map(({ position }) => position)];
    const rows = await this.database.query<EventRow>(sql.targets, values);
    if (rows.length < targets.length) rows.push(...(await this.archives.find(tenant, targets, rows)));
    await this.sealing.rows(tenant, rows, streamOf);
    return rows.map(toRecordedEvent);
  }

  /** What aggregates need: loaded rows, with those before them that are archived. */
  async withArchived(tenant: TenantId, rows: readonly LoadedRow[]): Promise<readonly LoadedRow[]> {
    const firsts = new Map<StreamName, LoadedRow>();
    const kept = new Map<StreamName, StreamPosition>();
    for (const row of rows) {
      if (row.event_type === null) kept.set(row.stream_name, BigInt((row.data as [number, number])[1]));
      else if (row.event_type !== '' && !firsts.has(row.stream_name)) firsts.set(row.stream_name, row);
    }
    const archived: LoadedRow[] = [];
    for (const [stream, { stream_position }] of firsts) {
      const from = kept.get(stream) ?? 0n;
      if (stream_position === from) continue;
      const events = await this.archives.ofStream(tenant, stream, { from, to: stream_position - 1n });
      archived.push(...events.map((row) => ({ ...row, form: formOf(row) })));
    }
    return archived.length > 0 ? [...archived, ...rows] : rows;
  }

  private async *forwards(start: Start, left: Left): AsyncGenerator<StreamRow[]> {
    const { tenant, stream, from = 0n } = start;
    let next = from;
    for await (const rows of this.inTable(start, left)) {
      const first = rows[0]?.stream_position ?? next;
      if (first > next) yield* this.archives.pagesOfStream(tenant, stream, { from: next, to: first - 1n });
      yield rows;
      next = endOf(rows, next);
    }
  }

  /** Who has come for a second page reads on: the server reads the next one while this one is looked at. */
  private async *inTable({ tenant, stream, from = 0n }: Start, left: Left): AsyncGenerator<StreamRow[]> {
    const fetch = (next: StreamPosition, wanted: number): Page => {
      const size = Math.min(wanted, PAGE);
      const rows = readStreamPage(this.database, sql.forwards, [tenant, stream, next, size], size);
      // Whoever stops reading does not wait for it.
      rows.catch(() => undefined);
      return { size, rows };
    };
    let ahead: Page | undefined;
    for (let next = from, isFirst = true; left.events > 0; isFirst = false) {
      const { size, rows: coming }: Page = ahead ?? fetch(next, left.events);
      const rows = await coming;
      next = endOf(rows, next);
      const more = left.events - rows.length;
      const isLast = rows.length < size || more <= 0;
      // Not in a transaction, whose own appends that would miss.
      ahead = isLast || isFirst || this.database.current ? undefined : fetch(next, more);
      // It is sent before the reader goes through this page, which may take no pause.
      if (ahead) await nextTurn();
      yield rows;
      if (isLast) return;
    }
  }

  private async *backwards({ tenant, stream, from }: Start, left: Left): AsyncGenerator<StreamRow[]> {
    for (let next = from ?? MAX_POSITION; next >= 0n;) {
      const size = Math.min(left.events, PAGE);
      if (size <= 0) return;
      const rows = await this.database.query<StreamRow>(sql.backwards, [tenant, stream, next, size]);
      yield rows;
      next = rows.at(-1)?.stream_position ?? next + 1n;
      next -= 1n;
      if (rows.length === size) continue;
      // The last event of a stream is never archived: with nothing at its end there is nothing before it.
      if (next >= 0n && next < MAX_POSITION) {
        yield* this.archives.pagesOfStream(tenant, stream, { from: 0n, to: next }, false);
      }
      return;
    }
  }
}

/** Where the rows go on. */
function endOf(rows: readonly StreamRow[], next: StreamPosition): StreamPosition {
  const last = rows.at(-1);
  return last ? last.stream_position + 1n : next;
}

function formOf({ metadata }: EventRow): number | null {
  const version = metadata[EVENT_VERSION];
  return typeof version === 'number' ? version : null;
}

/** How many events are still wanted. */
interface Left {
  events: number;
}

interface Page {
  readonly size: number;
  readonly rows: Promise<StreamRow[]>;
}

interface Start {
  readonly tenant: TenantId;
  readonly stream: StreamName;
  readonly from: StreamPosition | undefined;
}
