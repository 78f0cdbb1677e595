// A page of events that came in one row, a column of each kind together. Reading row by row and value by value, and parsing each
// document by itself, was more than half of the CPU time of reading in Node (docs/adr/0030-pages-in-one-row.md).
import type { Database, Statement } from '@concord/database';
import type { EventMetadata, StreamName } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { EventRow, StreamRow } from './rows.js';

/** What the packed statements answer. Without an event all but `events` is null. Numbers are of 8 bytes, as PostgreSQL sends them. */
interface PackedRow {
  readonly events: number;
  readonly global_positions: Buffer | null;
  readonly stream_positions: Buffer | null;
  /** Of the feed only. */
  readonly stream_names?: string | null;
  readonly event_ids: Buffer | null;
  readonly event_types: string | null;
  readonly data: unknown[] | null;
  readonly metadata: EventMetadata[] | null;
  readonly recorded_at: Buffer | null;
  readonly archived_through?: bigint | null;
}

/** One statement in two forms; a page that is seldom read has one. */
export interface PageStatements {
  readonly packed?: Statement;
  readonly rows: Statement;
}

/** No name and no type has it. */
const SEPARATOR = '\u001f';
/** Fewer are not worth the aggregates. */
const FEWEST = 32;
/** More might be too long for one text: 2,000 bytes of a document as it is stored may stand for 255 times as many. */
const MOST = 1000;
const WIDTH = 8;
const ID_DIGITS = 32;
/** PostgreSQL counts microseconds, from here on. */
const YEAR_2000 = Date.UTC(2000);

/** Rows of one stream, which the statement does not name. */
export async function readStreamPage(
  database: Database,
  statements: PageStatements,
  values: readonly unknown[],
  limit: number,
): Promise<StreamRow[]> {
  const packed = await packedRow(database, statements, values, limit);
  return (packed && unpack(packed)) ?? database.query<StreamRow>(statements.rows, values);
}

/** Rows of the feed of a tenant, who is the first of the values. */
export async function readEventPage(
  database: Database,
  statements: PageStatements,
  values: readonly [TenantId, ...unknown[]],
  limit: number,
): Promise<EventRow[]> {
  const packed = await packedRow(database, statements, values, limit);
  return (packed && unpackFeed(packed, values[0])) ?? database.query<EventRow>(statements.rows, values);
}

async function packedRow(
  database: Database,
  { packed }: PageStatements,
  values: readonly unknown[],
  limit: number,
): Promise<PackedRow | undefined> {
  if (!packed || limit < FEWEST || limit > MOST) return undefined;
  const [row] = await database.query<PackedRow>(packed, values);
  return row;
}

function unpackFeed(packed: PackedRow, tenant: TenantId): EventRow[] | undefined {
  const rows = unpack(packed);
  const names = split(packed.stream_names);
  if (rows?.length !== names.length) return undefined;
  const through = packed.archived_through ?? null;
  return rows.map((row, index) => ({
    tenant_id: tenant,
    stream_name: (names[index] ?? '') as StreamName,
    ...row,
    archived_through: through,
  }));
}

/** Undefined when something is not there, because it is large: then the page is to be read row by row. */
function unpack(packed: PackedRow): StreamRow[] | undefined {
  const { events, global_positions, stream_positions, event_ids, recorded_at, data, metadata } = packed;
  if (!global_positions || !stream_positions || !event_ids || !recorded_at) return [];
  const types = split(packed.event_types);
  if (data?.length !== events || metadata?.length !== events || types.length !== events) return undefined;
  const digits = event_ids.toString('hex');
  return types.map((type, index) => ({
    global_position: global_positions.readBigInt64BE(index * WIDTH),
    stream_position: stream_positions.readBigInt64BE(index * WIDTH),
    event_id: toId(digits, index * ID_DIGITS),
    event_type: type,
    data: data[index],
    metadata: metadata[index] as EventMetadata,
    recorded_at: toTime(recorded_at, index * WIDTH),
  }));
}

function split(texts: string | null | undefined): string[] {
  return typeof texts === 'string' ? texts.split(SEPARATOR) : [];
}

function toId(digits: string, at: number): string {
  const part = (from: number, to: number): string => digits.slice(at + from, at + to);
  return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`;
}

/** To the millisecond; what is finer is cut off, as in a row by itself. */
function toTime(bytes: Buffer, at: number): Date {
  // A number holds them exactly, for another two centuries.
  const microseconds = bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
  return new Date(YEAR_2000 + Math.floor(microseconds / 1000));
}
