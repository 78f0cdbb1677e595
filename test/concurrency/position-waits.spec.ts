// Who waits for a read model sees what it waits for, also while others commit; and a thousand who wait cost what one does.
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@concord/kernel';
import { EventStore } from '@concord/event-store';
import { PositionWaits, ReadModels } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import {
  BehindRow,
  BehindTallies,
  bootTally,
  InlineTallies,
  type TallyApp,
  tables,
  type TallyRow,
} from '../fixtures/tally.js';

const MANY = 1_000;

let database: TestDatabase;
let app: TallyApp;
beforeAll(async () => {
  database = await createTestDatabase();
  await withClient(database.url, (client) => client.query(tables).then(() => undefined));
  app = await bootTally(database.url, [InlineTallies, BehindTallies]);
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const waits = () => app.module.get(PositionWaits);
const store = () => app.module.get(EventStore);
const both = ['behind', 'inline'];
const sums = (type: typeof TallyRow | typeof BehindRow) =>
  app.module.get(ReadModels).read(async () => (await type.findBy({})).map(({ sum }) => sum));

/** What is sent to the server meanwhile, and how many connections there are afterwards. */
async function sentDuring(work: () => Promise<unknown>): Promise<{ statements: number; connections: number }> {
  const { query, queryOutside } = app.database;
  let statements = 0;
  app.database.query = (statement, values) => {
    statements += 1;
    return query.call(app.database, statement, values) as never;
  };
  await work().finally(() => Object.assign(app.database, { query, queryOutside }));
  const text = `select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  const { rows } = await withClient(database.url, (client) => client.query<{ n: number }>(text));
  return { statements, connections: rows[0]!.n };
}

async function append(): Promise<bigint> {
  const events = [{ id: newId(), type: 'Counted', data: { by: 1 } }];
  const [appended] = await store().append({ stream: `tally-${newId()}`, expected: 'no-stream', events });
  return appended!.globalPosition;
}

/** An append that is not committed until `commit` is called: nothing that is appended later is projected before. */
async function heldAppend(): Promise<{ commit(): Promise<bigint> }> {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let began = (): void => undefined;
  const isAppended = new Promise<void>((resolve) => (began = resolve));
  const committed = app.database.transaction(async () => {
    const position = await append();
    began();
    await released;
    return position;
  });
  await isAppended;
  return {
    commit() {
      release();
      return committed;
    },
  };
}

describe('a thousand who wait', () => {
  it('cost what one does: the same statements, no more connections, and all see what they wait for', () =>
    runInTenant('t-many', async () => {
      const held = await heldAppend();
      const hidden = await append();
      const wait = (count: number, position: bigint, milliseconds: number) =>
        Promise.all(Array.from({ length: count }, () => waits().until(position, both, milliseconds)));
      // What is appended and not shown, and what was never given.
      for (const position of [hidden, hidden + 1_000n]) {
        const one = await sentDuring(() => wait(1, position, 500));
        const many = await sentDuring(async () => {
          expect(new Set(await wait(MANY, position, 500))).toEqual(new Set([false]));
        });
        expect(many.statements).toBeLessThan(40);
        expect(many.statements).toBeLessThanOrEqual(one.statements * 2);
        expect(many.connections).toBe(one.connections);
      }

      const seen = wait(MANY, hidden, 20_000);
      const later = Array.from({ length: MANY }, (_, n) => waits().until(hidden + BigInt(1 + (n % 20)), both, 20_000));
      expect(waits().waiting).toBe(2 * MANY);
      await held.commit();
      expect(new Set(await seen)).toEqual(new Set([true]));
      // Each waits for a position of its own, all of which come to be.
      for (let n = 0; n < 20; n += 1) await app.count(['a'], 1);
      expect(new Set(await Promise.all(later))).toEqual(new Set([true]));
      expect(waits().waiting).toBe(0);
      expect(await sums(BehindRow)).toHaveLength(3);
    }));

  it('of as many tenants wait on one connection', async () => {
    const last = await store().lastPosition();
    const tenants = Array.from({ length: 200 }, (_, n) => `t-${n}`);
    const busiest = { connections: 0 };
    const ends = tenants.map((tenant) => runInTenant(tenant, () => waits().until(last, ['behind'], 400)));
    const pool = (app.database.dataSource.driver as unknown as { master: { totalCount: number; idleCount: number } })
      .master;
    for (let n = 0; n < 20; n += 1) {
      await sleep(5);
      busiest.connections = Math.max(busiest.connections, pool.totalCount - pool.idleCount);
    }
    await Promise.all(ends);
    // Its own, and that of the consumer, which may look at the same time.
    expect(busiest.connections).toBeLessThanOrEqual(2);
  });
});

it('who waits for a later position is not told while an earlier one is still being committed', () =>
  runInTenant(`t-${newId()}`, async () => {
    const held = await heldAppend();
    const later = await append();
    let isTold = false;
    const told = waits()
      .until(later, ['behind'], 10_000)
      .then((answer) => (isTold = answer));
    // The consumer has had every chance: hints, and looks at doubling distances.
    await expect(waits().until(later, ['behind'], 300)).resolves.toBe(false);
    expect(isTold).toBe(false);
    expect(await held.commit()).toBeLessThan(later);
    expect(await told).toBe(true);
    expect(await sums(BehindRow)).toEqual([1n, 1n]);
  }));

it('a wait ends with its time, with the app, and with an error for a projection that is none', () =>
  runInTenant(`t-${newId()}`, async () => {
    const began = Date.now();
    expect(await waits().until(10n ** 9n, both, 30)).toBe(false);
    expect(Date.now() - began).toBeLessThan(2_000);
    await expect(waits().until(1n, ['nothing'], 30)).rejects.toThrow(/no projection "nothing"/);
    const other = await bootTally(database.url, [InlineTallies, BehindTallies]);
    const wait = other.module.get(PositionWaits).until(10n ** 9n, both, 60_000);
    await other.close();
    expect(await wait).toBe(false);
  }));
