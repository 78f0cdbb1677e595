// What shares a transaction on its way to the database, and what does not: on connections of two processes.
import { DatabaseUnavailable, type OpenDatabase, openDatabase } from '@concord/database';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { until } from '../../../../test/contract/locking/kit.js';
import { GroupedWork } from './grouped-work.js';

let created: TestDatabase;
let one: OpenDatabase;
let other: OpenDatabase;
let work: GroupedWork;

beforeAll(async () => {
  created = await createTestDatabase();
  [one, other] = [await openDatabase({ url: created.url }), await openDatabase({ url: created.url })];
  await one.database.query({ text: 'create table numbers (n integer primary key)' });
  work = new GroupedWork(one.database);
});
beforeEach(() => one.database.query({ text: 'truncate numbers' }));
afterAll(async () => {
  await Promise.all([one.close(), other.close()]);
  await created.drop();
});

const numbers = async (): Promise<number[]> => {
  const rows = await other.database.query<{ n: number }>({ text: 'select n from numbers order by n' });
  return rows.map(({ n }) => n);
};
const INSERT = { text: 'insert into numbers (n) values ($1) returning pg_current_xact_id()::text as "transaction"' };

/** Answers in which transaction it was. */
async function add(n: number): Promise<string | undefined> {
  let sent: Promise<{ transaction: string }[]> | undefined;
  await work.run({ id: `${n}`, send: () => [(sent = one.database.query(INSERT, [n]))] });
  return (await sent)?.[0]?.transaction;
}

it('what comes at the same time goes in one transaction', async () => {
  const transactions = await Promise.all([1, 2, 3, 4].map(add));
  expect([new Set(transactions).size, await numbers()]).toEqual([1, [1, 2, 3, 4]]);
});

it('what fails fails alone, and nothing of the others is lost or done twice', async () => {
  await add(2);
  const outcomes = await Promise.allSettled([1, 2, 3].map(add));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({ reason: { message: expect.stringContaining('numbers_pkey') } });
  expect(await numbers()).toEqual([1, 2, 3]);
});

it('who has to wait holds up nobody else', async () => {
  let waits: Promise<unknown> = Promise.resolve();
  await other.database.transaction(async () => {
    await other.database.query(INSERT, [2]);
    waits = add(2).catch((error: unknown) => error);
    await Promise.all([add(1), add(3)]);
    const seen = await one.database.queryOutside({ text: 'select n from numbers' });
    expect(seen).toHaveLength(2);
    const WAITING = {
      text: `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    };
    await until('it waits', async () => (await one.database.queryOutside(WAITING)).length > 0);
  });
  expect(await waits).toMatchObject({ message: expect.stringContaining('numbers_pkey') });
});

it('is no part of a transaction of the caller', async () => {
  await expect(
    one.database.transaction(async () => {
      await add(1);
      throw new Error('rolled back');
    }),
  ).rejects.toThrow('rolled back');
  expect(await numbers()).toEqual([1]);
});

it('where nobody knows whether it was done, it is not done again', async () => {
  let runs = 0;
  const lost = (): readonly Promise<unknown>[] => {
    runs += 1;
    return [one.database.query({ text: 'select pg_terminate_backend(pg_backend_pid())' })];
  };
  await expect(work.run({ id: 'lost', send: lost })).rejects.toThrow(DatabaseUnavailable);
  expect(runs).toBe(1);
});
