// Deletions and metadata against appends, interleaved on two connections by hand: what was decided under the lock holds.
import { openDatabase, type OpenDatabase } from '@concord/database';
import { type EventStore, PostgresEventStore } from '@concord/event-store';
import { newId, type StreamName, streamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';

let testDatabase: TestDatabase;
let opened: readonly [OpenDatabase, OpenDatabase];
let first: EventStore;
let second: EventStore;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = [await openDatabase({ url: testDatabase.url }), await openDatabase({ url: testDatabase.url })];
  [first, second] = [new PostgresEventStore(opened[0].database), new PostgresEventStore(opened[1].database)];
});

afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await testDatabase.drop();
});

type Work = (store: EventStore, stream: StreamName) => Promise<unknown>;

const event = () => ({ id: newId(), type: 'Happened', data: {} });
const append =
  (expected: bigint | 'any' | 'no-stream'): Work =>
  (store, stream) =>
    store.append({ stream, expected, events: [event()] });
const several =
  (expected: bigint | 'any'): Work =>
  (store, stream) =>
    store.append({ stream, expected, events: [event(), event()] });
const loadAndAppend: Work = (store, stream) =>
  store.transaction(async () => {
    const { revision } = (await store.lockAndLoad([stream])).get(stream)!;
    await append(revision)(store, stream);
  });
const remove: Work = (store, stream) => store.deleteStream(stream, 0n);
const tombstone: Work = (store, stream) => store.tombstoneStream(stream, 0n);
const keepOne: Work = (store, stream) => store.writeStreamMetadata(stream, { maxCount: 1 });

/** `one` in a transaction that is still open when `other` has begun and waits for it. */
async function interleave(
  one: Work,
  other: Work,
): Promise<{ stream: StreamName; later: PromiseSettledResult<unknown> }> {
  const stream = streamName('thing', newId());
  await append('no-stream')(first, stream);
  let later: Promise<unknown> = Promise.resolve();
  await first.transaction(async () => {
    await one(first, stream);
    // `second` has a database, and so an ambient transaction, of its own.
    later = other(second, stream);
    later.catch(() => undefined);
    await untilSomebodyWaits();
  });
  const [settled] = await Promise.allSettled([later]);
  return { stream, later: settled };
}

async function untilSomebodyWaits(): Promise<void> {
  await withClient(testDatabase.url, async (client) => {
    for (const deadline = Date.now() + 10_000; Date.now() < deadline;) {
      const { rows } = await client.query<{ waiting: boolean }>(
        `select exists (select from pg_locks l where not l.granted and l.locktype = 'advisory'
           and l.database = (select oid from pg_database where datname = current_database())) as waiting`,
      );
      if (rows[0]?.waiting) return;
    }
    throw new Error('nobody waits');
  });
}

const positions = async (stream: StreamName): Promise<bigint[]> =>
  (await Array.fromAsync(second.readStream(stream))).map((recorded) => recorded.streamPosition);
const inTenant = (work: () => Promise<void>) => () => runInTenant('t-1', work);

describe('the life of a stream on two connections', () => {
  it.each<[string, Work, bigint[] | string]>([
    ['append at the version it saw', append(0n), [1n]],
    ['append that expects no stream', append('no-stream'), [1n]],
    ['append of any version', append('any'), [1n]],
    ['append of two events', several(0n), [1n, 2n]],
    ['load and append', loadAndAppend, [1n]],
    ['deletion at the version it saw', remove, []],
  ])('a deletion that commits first: the %s sees it', (_, other, left) =>
    inTenant(async () => {
      const { stream, later } = await interleave(remove, other);
      expect(later).toMatchObject({ status: 'fulfilled' });
      expect(await positions(stream)).toEqual(left);
    })(),
  );

  it.each<[string, Work]>([
    ['append', append(0n)],
    ['append of any version', append('any')],
    ['append of two events', several('any')],
    ['load', loadAndAppend],
    ['deletion', remove],
    ['tombstone', tombstone],
    ['metadata', keepOne],
  ])('a tombstone that commits first: the %s is refused', (_, other) =>
    inTenant(async () => {
      const { stream, later } = await interleave(tombstone, other);
      expect(later).toMatchObject({ status: 'rejected', reason: { code: 'stream-deleted', stream } });
    })(),
  );

  it.each<[string, Work]>([
    ['deletion', remove],
    ['tombstone', tombstone],
  ])('an append that commits first: the %s at the version before it is refused', (_, other) =>
    inTenant(async () => {
      for (const one of [append(0n), several(0n), loadAndAppend]) {
        const { stream, later } = await interleave(one, other);
        expect(later).toMatchObject({ status: 'rejected', reason: { code: 'wrong-expected-version', expected: 0n } });
        expect((await positions(stream)).length).toBeGreaterThan(1);
      }
    })(),
  );

  it(
    'a load that waited for metadata loads what they keep',
    inTenant(async () => {
      const loads: unknown[] = [];
      const load: Work = (store, stream) =>
        store.transaction(async () => loads.push((await store.lockAndLoad([stream])).get(stream)));
      await interleave(async (store, stream) => {
        await append(0n)(store, stream);
        await keepOne(store, stream);
      }, load);
      expect(loads).toEqual([{ revision: 1n, first: 1n, hasSettings: true, events: [{ type: 'Happened', data: {} }] }]);
    }),
  );

  it(
    'a deletion that is rolled back has not happened',
    inTenant(async () => {
      for (const one of [remove, tombstone]) {
        const stream = streamName('thing', newId());
        await append('no-stream')(first, stream);
        const failing = first.transaction(async () => {
          await one(first, stream);
          throw new Error('no');
        });
        await expect(failing).rejects.toThrow('no');
        expect(await positions(stream)).toEqual([0n]);
        await expect(append('no-stream')(second, stream)).rejects.toMatchObject({ code: 'wrong-expected-version' });
        await append(0n)(second, stream);
      }
    }),
  );

  it(
    'many appends in one call meet streams that are deleted, buried, or neither, each with its own verdict',
    inTenant(async () => {
      const streams = Array.from({ length: 60 }, () => streamName('thing', newId()));
      await Promise.all(streams.map((stream) => append('no-stream')(first, stream)));
      await Promise.all(
        streams.map((stream, n) => [remove, tombstone, () => Promise.resolve()][n % 3]!(second, stream)),
      );
      const results = await Promise.allSettled(streams.map((stream) => append('no-stream')(first, stream)));
      expect(
        results.map((result) => (result.status === 'rejected' ? (result.reason as { code: string }).code : 'ok')),
      ).toEqual(streams.map((_, n) => ['ok', 'stream-deleted', 'wrong-expected-version'][n % 3]));
    }),
  );
});
