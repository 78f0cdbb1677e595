// What goes wrong in a slice for one tenant, or in one slice, stays there: the others go on, and so do the positions.
import { newId, type StreamName } from '@concord/kernel';
import { Projection, type ProjectionFailure, Projections } from '@concord/projections';
import { PostgresConsumerGroups } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { until } from '../fixtures/group-member.js';
import { before, bootSliced, declared, type SlicedApp, UnsharedTallies } from '../fixtures/sliced-tally.js';
import { BehindRow, tables } from '../fixtures/tally.js';

const POISON = 13;
let test: TestDatabase;
let looker: SlicedApp;
const apps: SlicedApp[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
  looker = await bootSliced(test.url, { run: false, projectors: [UnsharedTallies] });
  await looker.database.query({ text: tables });
});
afterEach(async () => {
  before.event = () => Promise.resolve();
  await Promise.all(apps.splice(0).map((app) => app.close()));
});
afterAll(async () => {
  await looker.close();
  await test.drop();
});

async function append(tenant: string, streams: readonly string[], by = 1): Promise<bigint> {
  const appends = streams.map((stream) => ({
    stream: stream as StreamName,
    expected: 'any' as const,
    events: [{ id: newId(), type: 'Counted', data: { by } }],
  }));
  const appended = await runInTenant(tenant, () => looker.store.append(...appends));
  return appended.map(({ globalPosition }) => globalPosition).reduce((a, b) => (a > b ? a : b));
}

const tallies = (count: number): string[] => Array.from({ length: count }, (_, n) => `tally-n${n}`);
const groups = (): PostgresConsumerGroups => new PostgresConsumerGroups(looker.store, looker.database);

async function boot(options: Parameters<typeof bootSliced>[1]): Promise<SlicedApp> {
  const app = await bootSliced(test.url, options);
  apps.push(app);
  return app;
}

/** In one slice, which all tenants share. */
function inOneSlice(name: string) {
  const partitioning = { slices: 1, batchSize: 500, leaseMs: 3000, maxAttempts: 2, retry: { firstMs: 20, mostMs: 20 } };
  @Projection({ ...declared, name, rows: [BehindRow], onFailure: 'park', partitioning })
  class InOneSlice extends UnsharedTallies {}
  return InOneSlice;
}

it('a failing event is found beside busy tenants, and seen while it is looked for', async () => {
  const seen: (ProjectionFailure | undefined)[] = [];
  let app: SlicedApp | undefined;
  before.event = ({ data }) => {
    if (data.by !== POISON) return Promise.resolve();
    seen.push(app?.module.get(Projections).failureOf('busy'));
    return Promise.reject(new Error('poison'));
  };
  await append('sick', tallies(50));
  await append('sick', ['tally-bad'], POISON);
  for (let round = 0; round < 5; round += 1) await append('sick', tallies(50));
  let on = true;
  const load = Array.from({ length: 8 }, async (_, n) => {
    while (on) await append(`well${n}`, ['tally-n1']);
  });
  try {
    await append('well7', ['tally-n2']);
    app = await boot({ projectors: [inOneSlice('busy')] });
    const parked = () => runInTenant('sick', () => groups().parked('projection:busy:1'));
    await until('parked', async () => (await parked()).length === 1);
  } finally {
    on = false;
    await Promise.all(load);
  }
  // 301 events, halved, and a second attempt; twice as many, should the machine be so slow that the slice is lost once.
  expect(seen.length).toBeLessThanOrEqual(22);
  const search = seen.filter((failure) => failure?.stream === undefined && failure?.retryAt !== undefined);
  expect(search.at(-1)).toMatchObject({ tenantId: 'sick', error: new Error('poison') });
});

it('positions go on after memory and database have differed in one slice', async () => {
  await boot({ projectors: [UnsharedTallies] });
  const projections = looker.module.get(Projections);
  const shows = (position: bigint) => runInTenant('idle', () => projections.waitFor('unshared', position, 10_000));
  expect(await shows(await append('idle', tallies(5)))).toBe(true);
  // As after an idle save that the server lost, or whose answer was lost. What follows, all slices pass over only.
  await looker.database.query({
    text: `update concord.group_checkpoints set position = position - 1
           where group_name = 'projection:unshared:1' and tenant_id = 'idle' and slice = 0`,
  });
  expect(await shows(await append('idle', ['elsewhere-1']))).toBe(true);
});

it('a replay that is asked for while its tenant is rebuilt waits, and nobody else does', async () => {
  const GROUP = 'projection:replayed:1';
  const app = await boot({ projectors: [inOneSlice('replayed')] });
  const projections = app.module.get(Projections);
  before.event = ({ data }) => (data.by === POISON ? Promise.reject(new Error('poison')) : Promise.resolve());
  await append('rebuilt', ['tally-good']);
  await append('rebuilt', ['tally-bad'], POISON);
  const parked = () => runInTenant('rebuilt', () => groups().parked(GROUP));
  await until('parked', async () => (await parked()).length === 1);
  const [event] = await parked();

  let proceed = (): void => undefined;
  const gate = new Promise<void>((resolve) => (proceed = resolve));
  const underWay = new Promise<void>((resolve) => {
    before.event = ({ metadata }) => {
      if (metadata.tenantId !== 'rebuilt') return Promise.resolve();
      before.event = () => Promise.resolve();
      resolve();
      return gate;
    };
  });
  const rebuilt = projections.rebuild('replayed', { tenantId: 'rebuilt' });
  await underWay;
  let shown: boolean;
  try {
    expect(await runInTenant('rebuilt', () => groups().replay(GROUP, [event!.eventId]))).toBe(1);
    await beats(GROUP, 3);
    const beside = await append('beside', ['tally-n1']);
    shown = await runInTenant('beside', () => projections.waitFor('replayed', beside, 5000));
  } finally {
    proceed();
  }
  expect(shown).toBe(true);
  expect(await rebuilt).toBe(2);
  expect(await parked()).toEqual([]);
});

/** With the second of them, the member has heard of all that was asked before. */
async function beats(group: string, count: number): Promise<void> {
  const text = 'select expires_at::text from concord.group_members where group_name = $1';
  const seen = new Set<string>();
  await until('heartbeats', async () => {
    const rows = await looker.database.query<{ expires_at: string }>({ text }, [group]);
    for (const row of rows) seen.add(row.expires_at);
    return seen.size > count;
  });
}
