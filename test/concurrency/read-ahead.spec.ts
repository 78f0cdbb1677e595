// Long streams are read a page ahead. What that must not change: what is read, and what a transaction sees of its own appends.
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId, streamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';

// Three full pages and a half.
const LENGTH = 3500;
const STREAM = streamName('long', '1');

let testDatabase: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url });
  store = new PostgresEventStore(opened.database);
  await append(LENGTH);
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

const inTenant = <T>(work: () => Promise<T>): Promise<T> => runInTenant('t-1', work);
const append = (count: number) =>
  inTenant(() => {
    const events = Array.from({ length: count }, (_, n) => ({ id: newId(), type: 'Counted', data: { n } }));
    return store.append({ stream: STREAM, expected: 'any', events });
  });

async function positions(limit?: number, seen: (count: number) => Promise<unknown> | undefined = () => undefined) {
  const found: bigint[] = [];
  for await (const { streamPosition } of store.readStream(STREAM, { ...(limit !== undefined && { limit }) })) {
    found.push(streamPosition);
    await seen(found.length);
  }
  return found;
}

const upTo = (end: number): bigint[] => Array.from({ length: end }, (_, n) => BigInt(n));

it.each([1000, 1001, 2000, 2500, 3000, LENGTH, LENGTH + 1])(
  'reads %d events, or as many as there are',
  async (limit) => {
    expect(await inTenant(() => positions(limit))).toEqual(upTo(Math.min(limit, LENGTH)));
  },
);

it('leaves nothing behind where reading stops early', async () => {
  const reader = inTenant(async () => {
    for await (const { streamPosition } of store.readStream(STREAM))
      if (streamPosition === 1500n) return streamPosition;
    return undefined;
  });
  expect(await reader).toBe(1500n);
  expect(await inTenant(() => positions())).toHaveLength(LENGTH);
});

it('sees what its transaction appends while it reads', async () => {
  const rollBack = new Error('roll back');
  let found: bigint[] = [];
  const reading = inTenant(() =>
    store.transaction(async () => {
      // On the last full page, when a read ahead would have seen where the stream ends.
      found = await positions(undefined, (count) => (count === 2500 ? append(10) : undefined));
      throw rollBack;
    }),
  );
  await expect(reading).rejects.toBe(rollBack);
  expect(found).toEqual(upTo(LENGTH + 10));
});
