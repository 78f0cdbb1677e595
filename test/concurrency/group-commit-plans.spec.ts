// Statements that a connection prepares while the table of events is small: none keeps a plan that reads all of it once it has
// grown. Index entries are counted too: a plan may read the whole of an index that does not fit.
import { readFileSync } from 'node:fs';
import { newId } from '@concord/kernel';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import type pg from 'pg';

const TENANT = 't-1';
const STREAMS = 1000;
const GROWN = 20_000;
/** More than a statement needs until its plan is kept: it is planned anew five times. */
const USES = 12;
/** What a statement here reads at most, with room: it is given two streams of some 20 events each, or is to look at their ends. */
const FEW = 500;

const folder = new URL('../../libs/event-store/src/postgres/sql/', import.meta.url);
let count = 0;
const fresh = (): string => `fresh-${(count += 1)}`;
const lone = (stream: string, expected: string) => [TENANT, stream, expected, newId(), 'Happened', '{}', '{}'];
const event = () => ({ id: newId(), type: 'Happened', data: {}, metadata: {} });
const appends = (...streams: string[]) =>
  JSON.stringify(streams.map((stream) => ({ stream, expected: 'any', events: [event(), event()] })));
const batch = () => {
  const events = [1, 2, 3].map(event);
  return [
    [TENANT, TENANT, TENANT],
    [fresh(), 's-1', fresh()],
    ['no-stream', 'any', '~-1'],
    [1, 2, 3],
    [1, 1, 1],
    events.map(({ id }) => id),
    JSON.stringify(events),
  ];
};

/** Those that set how they are planned themselves. */
const FUNCTIONS: Readonly<Record<string, () => unknown[]>> = {
  'append-batch': batch,
  append: () => [TENANT, appends(fresh(), 's-1')],
  'append-unless-locked': () => [TENANT, appends('s-4'), 's-4', '200ms'],
  'append-patiently': () => [TENANT, appends('s-4'), '200ms'],
  'lock-and-load': () => [TENANT, 's-2', null, false],
  'load-streams': () => [TENANT, ['s-2', 's-3'], null, false],
};

/** Those for which the planner decides. */
const PLAIN: Readonly<Record<string, () => unknown[]>> = {
  'append-alone': () => lone('s-1', 'any'),
  'append-event': () => [...lone('s-1', 'any'), true],
  'append-held-event': () => lone(fresh(), '0'),
  'append-locked-event': () => lone(fresh(), '0'),
  'find-events': () => [TENANT, [newId()]],
  'whole-end': () => [TENANT, 's-2'],
};

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  // Analysed when a test says so, and not in between.
  await withClient(testDatabase.url, (client) =>
    client.query('alter table concord.events set (autovacuum_enabled = off)'),
  );
});
afterAll(() => testDatabase.drop());

async function fill(client: pg.Client, from: number, events: number): Promise<void> {
  await client.query(
    `insert into concord.events
       select $1, nextval('concord.global_position'), 's-' || n % $4, n / $4, gen_random_uuid(), 'Happened', '{}', '{}', now()
       from generate_series($2::integer, $2::integer + $3::integer - 1) n`,
    [TENANT, from, events, STREAMS],
  );
}

/** How often the table was read whole, and how many rows and index entries were read of it. */
async function reads(client: pg.Client): Promise<{ readonly scans: number; readonly entries: number }> {
  await client.query('select pg_stat_force_next_flush()');
  const { rows } = await client.query<{ scans: string; entries: string }>(
    `select t.seq_scan as scans, t.seq_tup_read + (
         select sum(i.idx_tup_read) from pg_stat_user_indexes i where i.relid = t.relid) as entries
       from pg_stat_user_tables t where t.relid = 'concord.events'::regclass`,
  );
  return { scans: Number(rows[0]?.scans), entries: Number(rows[0]?.entries) };
}

/** The statements that read too much of the grown table, used by one connection since it had so many `events`. */
async function readingTooMuch(
  statements: Readonly<Record<string, () => unknown[]>>,
  { events, analysed }: { readonly events: number; readonly analysed: boolean },
): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  await withClient(testDatabase.url, async (client) => {
    const run = async (name: string) => {
      const text = readFileSync(new URL(`${name}.sql`, folder), 'utf8');
      await client.query({ name, text, values: statements[name]?.() ?? [] });
    };
    await client.query('truncate concord.events');
    await fill(client, 0, events);
    if (analysed) await client.query('analyze concord.events');
    for (const name of Object.keys(statements)) for (let use = 0; use < USES; use += 1) await run(name);
    await fill(client, STREAMS * GROWN, GROWN);
    for (const name of Object.keys(statements)) {
      const before = await reads(client);
      await run(name);
      const after = await reads(client);
      const scans = after.scans - before.scans;
      const entries = after.entries - before.entries;
      if (scans > 0 || entries > FEW) found[name] = { scans, entries };
    }
  });
  return found;
}

describe('plans that were made when there were few events read no more when there are many', () => {
  it.each([0, 1, 30, 300, 3000])('never analysed, of %d', async (events) => {
    expect(await readingTooMuch({ ...FUNCTIONS, ...PLAIN }, { events, analysed: false })).toEqual({});
  });

  it.each([30, 300])('analysed with %d: functions', async (events) => {
    expect(await readingTooMuch(FUNCTIONS, { events, analysed: true })).toEqual({});
  });

  // With fewer, the planner prefers to read the few pages there are.
  it('analysed with 1000: plain statements', async () => {
    expect(await readingTooMuch(PLAIN, { events: 1000, analysed: true })).toEqual({});
  });
});
