// The gauges of a member: of its own slices only, so that what all processes tell adds up to the group.
import { loadSql } from '@concord/database';
import { observe } from '@concord/telemetry';
import type { GroupWork } from './group-work.js';

interface SliceRow {
  readonly slice: number;
  readonly waiting_streams: number;
  readonly parked: number;
}

const describeSlices = loadSql(import.meta.url, 'sql/describe-slices.sql');

interface Observed {
  /** Of the slices that this member works on. */
  readonly lags: () => ReadonlyMap<number, bigint>;
  /** How many tenants an event has stopped in one of them. */
  readonly stopped: () => number;
}

/** Has the gauges read from now on. Returns the way to stop. */
export function observeMember(
  { database, settings: { name, onFailure } }: Pick<GroupWork, 'database' | 'settings'>,
  { lags, stopped }: Observed,
): () => void {
  const group = { 'messaging.consumer.group.name': name };
  // An SDK repeats the last value of what is not told any more: a slice that has gone elsewhere is told of as 0.
  const seen = new Set<number>();
  let asked: Promise<SliceRow[]> | undefined;
  /** One question for all gauges of one collection. */
  const ask = (): Promise<SliceRow[]> => {
    asked ??= database.queryOutside<SliceRow>(describeSlices, [name]).finally(() => (asked = undefined));
    return asked;
  };
  const sum = async (count: (row: SliceRow) => number): Promise<number> => {
    const own = (await ask()).filter(({ slice }) => lags().has(slice));
    return own.reduce((total, row) => total + count(row), 0);
  };
  const stops = [
    observe('concord.consumer_group.slice.lag', (result) => {
      const now = lags();
      for (const slice of now.keys()) seen.add(slice);
      for (const slice of seen) result.observe(Number(now.get(slice) ?? 0n), { ...group, 'concord.slice': slice });
    }),
    observe('concord.consumer_group.parked', async (result) =>
      result.observe(await sum(({ parked }) => parked), group),
    ),
    observe('concord.consumer_group.waiting_streams', async (result) =>
      result.observe(await sum((row) => row.waiting_streams), group),
    ),
  ];
  if (onFailure === 'stop') {
    stops.push(observe('concord.consumer.failing_tenants', (result) => result.observe(stopped(), group)));
  }
  return () => stops.forEach((stop) => stop());
}
