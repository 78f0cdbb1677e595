// Dry runs of rebuilds: what they tell, that they change nothing, and that rows and replay are compared at one place while
// commands and projections go on.
import type { Type } from '@nestjs/common';
import { InvalidArgument, newId, type RecordedEvent, type StreamName } from '@concord/kernel';
import { Projections, ProjectorReachesOut } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { until } from '../fixtures/group-member.js';
import { before, bootSliced, type SlicedApp } from '../fixtures/sliced-tally.js';
import { projectorOf, reachingOut } from '../fixtures/projectors-under-test.js';
import { bootTally, type Counted, tables, type TallyApp } from '../fixtures/tally.js';

const PATIENCE_MS = 15_000;
let test: TestDatabase;
let app: TallyApp;
const others: SlicedApp[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
  app = await bootTally(test.url);
  await app.database.query({ text: tables });
});
afterEach(async () => {
  before.event = () => Promise.resolve();
  await Promise.all(others.splice(0).map((other) => other.close()));
});
afterAll(async () => {
  await app.close();
  await test.drop();
});

const inTenant = (work: (tenant: string) => Promise<void>) => () => {
  const tenant = `t-${newId()}`;
  return runInTenant(tenant, () => work(tenant));
};
const own = (): Projections => app.module.get(Projections);
const run = (text: string): Promise<object[]> => app.database.query({ text });

/** The projections of a process that runs none, with the projector under test. */
async function under(projector: Type): Promise<Projections> {
  const other = await bootSliced(test.url, { deploy: false, projectors: [projector] });
  others.push(other);
  return other.module.get(Projections);
}

/** What nobody may change. */
async function state(tenant: string): Promise<unknown> {
  const [rows] = await run(`select
    (select json_agg(b.* order by id) from spec.behind b where tenant_id = '${tenant}') as behind,
    (select json_agg(b.* order by id) from spec.tallies b where tenant_id = '${tenant}') as tallies,
    (select json_agg(c.* order by subscription) from concord.checkpoints c where tenant_id in ('${tenant}', '*')) as checkpoints,
    (select json_agg(p.* order by subscription) from concord.projection_partitions p) as partitions`);
  return rows;
}
const reached = async (position: bigint): Promise<void> =>
  expect(await own().waitFor('behind', position, PATIENCE_MS)).toBe(true);

it(
  'tells rows that would be added, removed and changed, column by column, and changes nothing',
  inTenant(async (tenant) => {
    let position = 0n;
    for (const [id, by] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
      ['c', 4],
    ] as const)
      position = await app.count([id], by);
    await reached(position);
    const [equal] = await own().compare('behind', { tenantId: tenant });
    const counts = { rows: 3, replayed: 3, added: 0, removed: 0, changed: 0, columns: {}, first: [] };
    const equally = { projection: 'behind', tenantId: tenant, events: 4, equal: true, position };
    expect(equal).toEqual({ ...equally, tables: [{ table: 'spec.behind', ...counts }] });
    expect(await own().compare('inline', { tenantId: tenant })).toMatchObject([{ equal: true, events: 4 }]);

    await run(`delete from spec.behind where tenant_id = '${tenant}' and id = 'b'`);
    await run(`insert into spec.behind values ('${tenant}', 'x', 9, 1)`);
    const kept = await state(tenant);
    const changed = await under(projectorOf({}, undefined, 10));
    const [found] = await changed.compare('behind', { tenantId: tenant });
    expect(found).toMatchObject({
      equal: false,
      tables: [{ rows: 3, replayed: 3, added: 1, removed: 1, changed: 2, columns: { sum: 2 } }],
    });
    expect(found!.tables[0]!.first).toEqual([
      { what: 'changed', key: { id: 'a' }, columns: { sum: { from: '4', to: '40' } } },
      { what: 'added', key: { id: 'b' }, columns: { sum: { from: null, to: '20' }, events: { from: null, to: '1' } } },
      { what: 'changed', key: { id: 'c' }, columns: { sum: { from: '4', to: '40' } } },
      { what: 'removed', key: { id: 'x' }, columns: { sum: { from: '9', to: null }, events: { from: '1', to: null } } },
    ]);
    const [one] = await changed.compare('behind', { tenantId: tenant, show: 1 });
    expect(one!.tables[0]!.first).toHaveLength(1);
    // A version that never ran here is compared with the rows of the one that did, and stays undeployed.
    const next = await under(projectorOf({ version: 7, partitioning: { slices: 3 } }));
    expect(await next.compare('behind', { tenantId: tenant })).toMatchObject([
      { equal: false, position, tables: [{ added: 1, removed: 1, changed: 0 }] },
    ]);
    expect(await state(tenant)).toEqual(kept);
  }),
);

it(
  'compares up to a position, and refuses what it cannot do',
  inTenant(async (tenant) => {
    const first = await app.count(['a'], 1);
    await reached(await app.count(['a'], 5));
    expect(await own().compare('behind', { tenantId: tenant, upTo: first })).toMatchObject([
      { position: first, events: 1, tables: [{ changed: 1, columns: { sum: 1, events: 1 } }] },
    ]);
    const refused = async (options: object): Promise<void> =>
      expect(own().compare('behind', { tenantId: tenant, ...options })).rejects.toBeInstanceOf(InvalidArgument);
    await refused({ upTo: first + 1_000_000n });
    await refused({ show: -1 });
    await expect(own().compare('nope')).rejects.toBeInstanceOf(InvalidArgument);
    // What it would do beside its rows would be real.
    const database = app.database;
    const reaching = await bootSliced(test.url, { deploy: false, projectors: [reachingOut()] });
    others.push(reaching);
    await expect(reaching.module.get(Projections).compare('behind', { tenantId: tenant })).rejects.toBeInstanceOf(
      ProjectorReachesOut,
    );
    expect(await database.query({ text: `select * from spec.notes` })).toEqual([]);
  }),
);

it(
  'compares at one place, though the projection and its readers go on between its steps',
  inTenant(async (tenant) => {
    await reached(await app.count(['a'], 1));
    const steps: string[] = [];
    // The first replayed event is before the snapshot; what is counted then is replayed behind it; what is counted then is not.
    const meanwhile = async ({ data: { by } }: RecordedEvent<Counted>): Promise<void> => {
      if (by > 2) return void steps.push(`saw ${by}`);
      await reached(await app.database.outside(() => app.count(['a', 'b'], by + 1)));
      steps.push(`counted ${by + 1}`);
    };
    const [found] = await (await under(projectorOf({}, meanwhile))).compare('behind', { tenantId: tenant });
    expect(steps.slice(0, 3)).toEqual(['counted 2', 'counted 3', 'counted 3']);
    expect(found).toMatchObject({ equal: true, tables: [{ rows: 2 }] });
    // Within the snapshot nothing was waited for.
    expect(await own().compare('behind', { tenantId: tenant })).toMatchObject([{ equal: true }]);
  }),
);

it(
  'finds a place between commands for an inline projection, though a command is under way with a lower position',
  inTenant(async (tenant) => {
    await app.count(['hot'], 1);
    let writing = true;
    const writers = [1, 2, 3].map(async (by) => {
      for (let round = 0; writing; round += 1) await app.count([`k${(round + by) % 5}`, `hot${by}`], by);
    });
    for (let time = 0; time < 6; time += 1) {
      const [found] = await own().compare('inline', { tenantId: tenant });
      expect(found!.tables[0]!.first).toEqual([]);
    }
    writing = false;
    await Promise.all(writers);
    expect(await own().compare('inline', { tenantId: tenant })).toMatchObject([{ equal: true }]);
  }),
);

it(
  'waits for a command that is under way, and keeps no other one waiting for long; with a single connection, too',
  inTenant(async (tenant) => {
    await app.count(['a'], 1);
    const small = await bootTally(test.url, undefined, 1);
    const [underWay, end] = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()];
    const lock = `select pg_advisory_xact_lock_shared(concord.projection_lock_key('${tenant}', 'inline'))`;
    const command = app.database.transaction(async () => {
      await run(lock);
      underWay.resolve(true);
      await end.promise;
    });
    await underWay.promise;
    let over = false;
    const compared = small.module
      .get(Projections)
      .compare('inline', { tenantId: tenant })
      .finally(() => (over = true));
    const waits = `select from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and not granted
      and database = (select oid from pg_database where datname = current_database())`;
    await until('it waits', async () => (await app.database.outside(() => run(waits))).length > 0);
    await app.database.outside(() => app.count(['b'], 2));
    expect(over).toBe(false);
    end.resolve(true);
    await command;
    expect(await compared).toMatchObject([{ equal: true, events: 2 }]);
    await small.close();
    // Its tables went with its connection.
    const left = `select from pg_class where relname like 'scratch\\_%' and relpersistence = 't'`;
    await until('nothing is left', async () => (await run(left)).length === 0);
  }),
);

it(
  'knows the place of each slice, and of each stream that waits',
  inTenant(async (tenant) => {
    // Elsewhere: here the projection 'behind' writes the same table.
    const alone = await createTestDatabase();
    const looker = await bootSliced(alone.url, { run: false });
    await looker.database.query({ text: tables });
    await looker.close();
    const sliced = await bootSliced(alone.url);
    const append = async (ids: readonly string[], by: number): Promise<bigint> => {
      const events = (): { id: string; type: string; data: object }[] => [
        { id: newId(), type: 'Counted', data: { by } },
      ];
      const appended = await sliced.store.append(
        ...ids.map((id) => ({ stream: `tally-${id}` as StreamName, expected: 'any' as const, events: events() })),
      );
      return appended.map(({ globalPosition }) => globalPosition).reduce((a, b) => (a > b ? a : b));
    };
    const ids = Array.from({ length: 20 }, (_, n) => `n${n}`);
    const projections = sliced.module.get(Projections);
    before.event = ({ data: { by } }) => (by === 13 ? Promise.reject(new Error('poison')) : Promise.resolve());
    await append(ids, 1);
    await append(['n7'], 13);
    await append(ids, 2);
    await until('the other streams', async () => {
      const text = 'select events from spec.tallies where tenant_id = $1';
      const [row] = await sliced.database.query<{ events: number }>({ text }, [tenant]);
      return row?.events === 39;
    });
    const [parked] = await projections.compare('sliced', { tenantId: tenant });
    expect(parked).toMatchObject({
      equal: true,
      events: 39,
      tables: [{ table: 'spec.behind', rows: 20 }, { rows: 1 }],
    });
    // And while slices go on, each at its own pace.
    before.event = () => Promise.resolve();
    const writing = (async () => {
      for (let round = 0; round < 30; round += 1) await append(ids, 3);
    })();
    for (let round = 0; round < 3; round += 1) {
      const [found] = await projections.compare('sliced', { tenantId: tenant });
      expect(found!.tables.flatMap(({ first }) => first)).toEqual([]);
    }
    await writing;
    await sliced.close();
    await alone.drop();
  }),
);
