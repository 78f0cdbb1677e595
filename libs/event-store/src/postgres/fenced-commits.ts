// Group commit of commands that hold locks: those that commit at the same time travel in one call and one flush, each with its
// own verdict. There is no delay: two calls are under way at most, and whoever comes meanwhile is in the next.
import { type Database, DatabaseUnavailable, loadSql } from '@concord/database';
import type { FencedPlace } from '../fenced-commands.js';
import { carrying } from './batch-telemetry.js';
import type { AppendedRow } from './rows.js';
import { eventJson, type StreamAppend } from './stream-append.js';

interface CommitRow {
  readonly committed: readonly number[];
  readonly places: readonly number[] | null;
  readonly stream_positions: string | null;
  readonly global_positions: string | null;
  readonly recorded_at: Date;
}

/** A command that is about to commit. */
interface Waiting {
  readonly tenant: string;
  readonly places: readonly FencedPlace[];
  readonly appends: readonly StreamAppend[];
  readonly resolve: (rows: AppendedRow[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A command's commit that is left to a transaction of its own; nothing was changed. */
export class NotTogether extends Error {}

const commit = loadSql(import.meta.url, 'sql/commit-fenced.sql');
const MAX_UNDER_WAY = 2;
const MOST_EVENTS = 1_000;
const MOST_CHARACTERS = 4_000_000;

export class FencedCommits {
  private waiting: Waiting[] = [];
  private underWay = 0;
  private isGathering = false;

  constructor(private readonly database: Database) {}

  /** A row for each append, in order. Errors: NotTogether; DatabaseUnavailable, when it is not known whether it was committed. */
  commit(tenant: string, places: readonly FencedPlace[], appends: readonly StreamAppend[]): Promise<AppendedRow[]> {
    const events = appends.flatMap((append) => append.events);
    const characters = events.reduce((sum, { data }) => sum + data.length, 0);
    // What is large goes alone, and holds up nobody.
    if (events.length > MOST_EVENTS || characters > MOST_CHARACTERS) return Promise.reject(new NotTogether());
    return new Promise((resolve, reject) => {
      this.waiting.push({ tenant, places, appends, resolve, reject });
      this.gather();
    });
  }

  private gather(): void {
    if (this.isGathering || this.underWay >= MAX_UNDER_WAY || this.waiting.length === 0) return;
    this.isGathering = true;
    process.nextTick(() => {
      this.isGathering = false;
      const batch = this.take();
      this.underWay += 1;
      void this.send(batch).finally(() => {
        this.underWay -= 1;
        this.gather();
      });
      this.gather();
    });
  }

  /** A fair share of what waits, and not too much. */
  private take(): Waiting[] {
    const share = Math.ceil(this.waiting.length / (MAX_UNDER_WAY - this.underWay));
    let events = 0;
    const full = this.waiting.findIndex(({ appends }, index) => {
      events += appends.reduce((sum, append) => sum + append.events.length, 0);
      return index > 0 && (index >= share || events > MOST_EVENTS);
    });
    return this.waiting.splice(0, full < 0 ? this.waiting.length : full);
  }

  /** Never rejects. */
  private async send(batch: readonly Waiting[]): Promise<void> {
    const appends = (): StreamAppend[] => batch.flatMap((one) => one.appends);
    try {
      const [row] = await carrying(appends, () => this.database.queryOutside<CommitRow>(commit, valuesOf(batch)));
      if (!row) throw new Error('unreachable: a function answers one row');
      const rows = rowsOf(row);
      let place = 0;
      for (const [index, { places, appends: own, resolve, reject }] of batch.entries()) {
        const first = place;
        place += places.length;
        if (row.committed.includes(index + 1)) resolve(own.map(({ stream }) => rowAt(rows, first, places, stream)));
        else reject(new NotTogether());
      }
    } catch (error) {
      // Whichever of them it was, nothing was changed: each finds out for itself.
      const reason = error instanceof DatabaseUnavailable ? error : new NotTogether('', { cause: error });
      for (const { reject } of batch) reject(reason);
    }
  }
}

function rowAt(
  rows: ReadonlyMap<number, AppendedRow>,
  before: number,
  places: readonly FencedPlace[],
  stream: string,
): AppendedRow {
  const row = rows.get(before + 1 + places.findIndex((place) => place.stream === stream));
  if (!row) throw new Error('unreachable: what was committed is answered');
  return row;
}

/** By place. The events of each are together in the lists, and in order. */
function rowsOf({ places, stream_positions, global_positions, recorded_at }: CommitRow): Map<number, AppendedRow> {
  const rows = new Map<number, AppendedRow>();
  const streamPositions = stream_positions?.split(',') ?? [];
  const globalPositions = global_positions?.split(',') ?? [];
  for (let from = 0; places && from < places.length;) {
    const place = places[from] ?? 0;
    let to = from;
    while (places[to] === place) to += 1;
    const last_stream_position = BigInt(streamPositions[to - 1] ?? '');
    rows.set(place, {
      last_stream_position,
      global_positions: globalPositions.slice(from, to),
      repeated: false,
      recorded_at,
    });
    from = to;
  }
  return rows;
}

function valuesOf(batch: readonly Waiting[]): unknown[] {
  const all = batch.flatMap(({ tenant, places, appends }, index) =>
    places.map((place) => ({
      ...place,
      tenant,
      command: index + 1,
      append: appends.find(({ stream }) => stream === place.stream),
    })),
  );
  const events = all.flatMap(({ append }, index) =>
    (append?.events ?? []).map((event, k) => `{"n":${index + 1},"k":${k},${eventJson(event).slice(1)}`),
  );
  return [
    all.map(({ command }) => command),
    all.map(({ tenant }) => tenant),
    all.map(({ stream }) => stream),
    all.map(({ owner }) => owner),
    all.map(({ fencingToken }) => fencingToken),
    all.map(({ end }) => end),
    all.map(({ append }) => append !== undefined),
    `[${events.join()}]`,
  ];
}
