// Projections on PostgreSQL: exactly once over several processes, rebuilt while commands run, waited for.
import { EventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { Projection, Projections, ReadModels, type RowType } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import {
  BehindRow,
  BehindTallies,
  bootTally,
  faults,
  InlineTallies,
  tables,
  type TallyApp,
  TallyRow,
} from '../fixtures/tally.js';

const PATIENCE_MS = 15_000;
let testDatabase: TestDatabase;
let one: TallyApp;
let two: TallyApp;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  one = await bootTally(testDatabase.url);
  await one.database.query({ text: tables });
  two = await bootTally(testDatabase.url);
});
afterAll(async () => {
  await Promise.all([one, two].map((app) => app.close()));
  await testDatabase.drop();
});
afterEach(() => Object.assign(faults, { inline: 0, async: 0 }));

const inTenant = (work: (tenant: string) => Promise<void>) => () => {
  const tenant = `t-${newId()}`;
  return runInTenant(tenant, () => work(tenant));
};
const projections = (app: TallyApp): Projections => app.module.get(Projections);
const sums = (app: TallyApp, type: RowType<TallyRow> | RowType<BehindRow>) =>
  app.module.get(ReadModels).read(async () => {
    const rows = await (type as typeof TallyRow).findBy({ order: { id: 'ASC' } });
    return rows.map(({ id, sum, events }) => [id, Number(sum), events]);
  });
const caughtUp = async (app: TallyApp, position: bigint): Promise<void> => {
  expect(await projections(app).waitFor('behind', position, PATIENCE_MS)).toBe(true);
};

describe('an inline projection', () => {
  it(
    'shows a command as soon as it has answered, in every process',
    inTenant(async () => {
      await one.count(['a', 'b'], 2);
      await two.count(['a'], 3);
      expect(await sums(one, TallyRow)).toEqual([
        ['a', 5, 2],
        ['b', 2, 1],
      ]);
      expect(await sums(two, TallyRow)).toEqual(await sums(one, TallyRow));
    }),
  );

  it(
    'takes the events back when it fails',
    inTenant(async () => {
      await one.count(['a'], 1);
      faults.inline = 7;
      await expect(one.count(['a', 'b'], 7)).rejects.toThrow('inline fault');
      expect(await sums(one, TallyRow)).toEqual([['a', 1, 1]]);
      expect((await one.module.get(EventStore).readFeed()).events).toHaveLength(1);
    }),
  );

  it(
    'is rebuilt to the same digest while two processes go on writing',
    inTenant(async (tenant) => {
      let writing = true;
      const writers = [one, two, one, two].map(async (app, index) => {
        for (let round = 0; writing; round += 1) await app.count([`k-${(index + round) % 5}`, 'hot'], 1 + (round % 3));
      });
      for (let time = 0; time < 8; time += 1) await projections(one).rebuild('inline', { tenantId: tenant });
      writing = false;
      await Promise.all(writers);
      const kept = await projections(one).digest('inline', tenant);
      const counted = await projections(one).rebuild('inline', { tenantId: tenant });
      expect(await projections(one).digest('inline', tenant)).toBe(kept);
      expect(counted).toBe((await sums(one, TallyRow)).reduce((total, [, , events]) => total + (events as number), 0));
    }),
  );
});

describe('a process with a single connection', () => {
  it(
    'runs commands, projections and rebuilds',
    inTenant(async (tenant) => {
      const small = await bootTally(testDatabase.url, undefined, 1);
      try {
        const positions = await Promise.all(Array.from({ length: 20 }, () => small.count(['a'], 1)));
        await caughtUp(
          small,
          positions.reduce((a, b) => (a > b ? a : b)),
        );
        for (const name of ['inline', 'behind']) await projections(small).rebuild(name, { tenantId: tenant });
        expect(await sums(small, TallyRow)).toEqual([['a', 20, 20]]);
        expect(await sums(small, BehindRow)).toEqual([['a', 20, 20]]);
      } finally {
        await small.close();
      }
    }),
  );
});

describe('an asynchronous projection', () => {
  it(
    'sees every event exactly once, though two processes run it',
    inTenant(async (tenant) => {
      const writers = [one, two, one, two].map(async (app, index) => {
        let position = 0n;
        for (let round = 0; round < 40; round += 1) position = await app.count([`k-${(index + round) % 7}`], index + 1);
        return position;
      });
      const positions = await Promise.all(writers);
      await caughtUp(
        one,
        positions.reduce((a, b) => (a > b ? a : b)),
      );
      expect(await sums(one, BehindRow)).toEqual(await sums(one, TallyRow));
      const kept = await projections(one).digest('behind', tenant);
      expect(await projections(two).rebuild('behind', { tenantId: tenant })).toBe(160);
      expect(await projections(one).digest('behind', tenant)).toBe(kept);
    }),
  );

  it(
    'goes on after a rebuild, without losing or repeating what was written meanwhile',
    inTenant(async (tenant) => {
      let position = 0n;
      for (let round = 0; round < 60; round += 1) {
        position = await (round % 2 ? one : two).count(['a'], 1);
        if (round % 20 === 10) void projections(one).rebuild('behind', { tenantId: tenant });
      }
      await caughtUp(two, position);
      expect(await sums(one, BehindRow)).toEqual([['a', 60, 60]]);
    }),
  );

  it(
    'tries a failing event again, keeps nothing of the failed batch, and holds up no other tenant',
    inTenant(async (tenant) => {
      faults.async = 13;
      const bad = await one.count(['a'], 13);
      expect(await projections(one).waitFor('behind', bad, 300)).toBe(false);
      expect(await sums(one, BehindRow)).toEqual([]);
      const failing = [one, two].flatMap((app) => projections(app).failures);
      expect(failing).toContainEqual(expect.objectContaining({ tenantId: tenant, error: new Error('async fault') }));
      await runInTenant(`other-${newId()}`, async () => {
        await caughtUp(one, await two.count(['x'], 1));
      });
      faults.async = 0;
      await caughtUp(one, bad);
      expect(await sums(one, BehindRow)).toEqual([['a', 13, 1]]);
    }),
  );

  it(
    'is waited for by position, also of events that it does not project, and not beyond the time given',
    inTenant(async () => {
      const [elsewhere] = await one.module
        .get(EventStore)
        .append({ stream: `other-${newId()}`, expected: 'any', events: [{ id: newId(), type: 'X', data: {} }] });
      await caughtUp(two, elsewhere!.globalPosition);
      const began = Date.now();
      expect(await projections(one).waitFor('behind', elsewhere!.globalPosition + 10_000n, 200)).toBe(false);
      expect(Date.now() - began).toBeLessThan(2000);
      await expect(projections(one).waitFor('nope', 1n, 1)).rejects.toThrow(/there are inline, behind/);
    }),
  );
});

describe('a new version', () => {
  it(
    'is built from the events at its first start, inline or not',
    inTenant(async (tenant) => {
      const position = await one.count(['a', 'b'], 5);
      await caughtUp(one, position);
      @Projection({ name: 'inline', version: 2, categories: ['tally'], consistency: 'inline', rows: [TallyRow] })
      class InlineTallies2 extends InlineTallies {
        override async counted(event: Parameters<InlineTallies['counted']>[0]): Promise<void> {
          await super.counted({ ...event, data: { by: event.data.by * 10 } });
        }
      }
      @Projection({ name: 'behind', version: 2, categories: ['tally'], consistency: 'async', rows: [BehindRow] })
      class BehindTallies2 extends BehindTallies {}
      await one.database.query({ text: 'update spec.behind set sum = 0 where tenant_id = $1' }, [tenant]);
      const upgraded = await bootTally(testDatabase.url, [InlineTallies2, BehindTallies2]);
      try {
        expect(await sums(upgraded, TallyRow)).toEqual([
          ['a', 50, 1],
          ['b', 50, 1],
        ]);
        await caughtUp(upgraded, position);
        expect(await sums(upgraded, BehindRow)).toEqual([
          ['a', 5, 1],
          ['b', 5, 1],
        ]);
      } finally {
        await upgraded.close();
      }
    }),
  );
});
