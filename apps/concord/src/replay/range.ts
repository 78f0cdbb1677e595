// Which part of the feed --from and --to mean. Times are turned into positions once, so that a replay can be gone on with.
import { loadSql } from '@concord/database';
import { recordedAt, type TenantEvent } from '../event-line.js';
import { CODE, Failure } from '../outcome.js';
import type { Place } from '../query-options.js';
import type { Opened } from '../with-store.js';

/** Both ends included. `isWanted`: for events in an archive, whose times are seen only when they are read. */
export interface ReplayRange {
  readonly from: bigint;
  readonly to: bigint;
  readonly isWanted: (event: TenantEvent) => boolean;
}

interface Row {
  readonly first: bigint | null;
  readonly last: bigint | null;
  readonly archived: bigint | null;
}

const positionsAtTimes = loadSql(import.meta.url, '../sql/positions-at-times.sql');

/** Not above what is settled by now. Errors: Failure, for an end before the beginning. */
export async function rangeOf(
  opened: Opened,
  tenants: readonly string[],
  { from, to }: { readonly from?: Place; readonly to?: Place },
): Promise<ReplayRange> {
  const horizon = await opened.stored.horizon();
  const [since, until] = [timeOf(from), timeOf(to)];
  const rows = since || until ? await boundsOf(opened, tenants, since, until) : [];
  const start = positionOf(from) ?? (since ? firstOf(rows, horizon) : 0n);
  const end = positionOf(to) ?? (until ? lastOf(rows) : horizon);
  assertForwards(from, to);
  return { from: start, to: end < horizon ? end : horizon, isWanted: isWantedOf(rows, since, until) };
}

/** A time and a position are not compared: there may be nothing between them. */
function assertForwards(from: Place | undefined, to: Place | undefined): void {
  const [first, last] = [positionOf(from), positionOf(to)];
  const [since, until] = [timeOf(from), timeOf(to)];
  const isBackwards = (first !== undefined && last !== undefined && first > last) || (since && until && since > until);
  if (isBackwards) throw new Failure('--from is behind --to: exchange them', CODE.usage);
}

function isWantedOf(rows: readonly Row[], since: Date | undefined, until: Date | undefined): ReplayRange['isWanted'] {
  const isArchived = rows.some(({ archived }) => archived !== null);
  return isArchived ? (event) => isWithin(recordedAt(event), since, until) : () => true;
}

function boundsOf(
  { database }: Opened,
  tenants: readonly string[],
  since = new Date(0),
  until = new Date(0),
): Promise<Row[]> {
  const one = async (tenant: string): Promise<Row[]> => database.query<Row>(positionsAtTimes, [tenant, since, until]);
  return Promise.all(tenants.map(one)).then((found) => found.flat());
}

/** The lowest of all tenants; whoever has an archive is read from the start. */
function firstOf(rows: readonly Row[], horizon: bigint): bigint {
  const firsts = rows.flatMap(({ first, archived }) => (archived === null ? (first ?? []) : 0n));
  return firsts.reduce((least, first) => (first < least ? first : least), horizon + 1n);
}

function lastOf(rows: readonly Row[]): bigint {
  const lasts = rows.flatMap(({ last, archived }) => last ?? archived ?? []);
  return lasts.reduce((most, last) => (last > most ? last : most), -1n);
}

function isWithin(time: number, since: Date | undefined, until: Date | undefined): boolean {
  return (!since || time >= since.getTime()) && (!until || time <= until.getTime());
}

const timeOf = (place: Place | undefined): Date | undefined => (place && 'time' in place ? place.time : undefined);

const positionOf = (place: Place | undefined): bigint | undefined =>
  place && 'position' in place ? place.position : undefined;
