// Appends of one process that travel together: each with its own verdict, and nobody waits for another's lock.
import { AsyncResource } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database, DatabaseUnavailable, type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { EventIdInUse, type NewEvent, newId, type StreamName, streamName, WrongExpectedVersion } from '@concord/kernel';
import { currentTenant, runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import pg from 'pg';

const elsewhere = new AsyncResource('elsewhere');
let testDatabase: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url });
  store = new PostgresEventStore(opened.database);
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

const fresh = (): StreamName => streamName('s', newId());
const event = (n = 0): NewEvent => ({ id: newId(), type: 'Happened', data: { n } });
const inTenant = (work: () => Promise<void>) => () => runInTenant(`t-${newId()}`, work);
const one = (stream: StreamName, expected: 'any' | 'no-stream' | bigint, appended = event()) =>
  store.append({ stream, expected, events: [appended] });

/** Runs `work` on a store of its own and answers how often it called a statement. */
async function callsOf(name: string, work: (watched: PostgresEventStore) => Promise<void>): Promise<number> {
  let calls = 0;
  const watched = new Database(opened.database.dataSource);
  const { queryOutside } = watched;
  watched.queryOutside = (statement, values) => {
    if (statement.text.includes(name)) calls += 1;
    return queryOutside.call(watched, statement, values) as never;
  };
  await work(new PostgresEventStore(watched));
  return calls;
}

describe('group commit', () => {
  it(
    'gives each its own verdict: conflicts and reused ids fail nobody else',
    inTenant(async () => {
      const taken = fresh();
      const used = event();
      await one(taken, 'no-stream', used);
      const results = await Promise.allSettled(
        Array.from({ length: 60 }, (_, index) => {
          if (index % 3 === 0) return one(taken, 'no-stream');
          return index % 3 === 1 ? one(fresh(), 'any', used) : one(fresh(), 'no-stream');
        }),
      );
      for (const [index, result] of results.entries()) {
        const verdict = result.status === 'fulfilled' ? 'appended' : (result.reason as Error).constructor;
        expect([index, verdict]).toEqual([index, [WrongExpectedVersion, EventIdInUse, 'appended'][index % 3]]);
      }
      const { events } = await store.readFeed();
      expect(events).toHaveLength(21);
    }),
  );

  it(
    'keeps the order of appends to one stream, and recognises repeats within a batch',
    inTenant(async () => {
      const stream = fresh();
      const twice = event(99);
      const appends = Array.from({ length: 30 }, (_, n) => one(stream, 'any', event(n)));
      const [first, again] = await Promise.all([one(stream, 'any', twice), one(stream, 'any', twice), ...appends]);
      expect([first[0]!.revision, first[0]!.globalPosition]).toEqual([again[0]!.revision, again[0]!.globalPosition]);
      const stored = await Array.fromAsync(store.readStream(stream));
      expect(stored.map(({ data }) => (data as { n: number }).n)).toEqual([
        ...Array.from({ length: 30 }, (_, n) => n),
        99,
      ]);
    }),
  );

  it(
    'takes appends that follow from one another in one call, each with its own answer',
    inTenant(async () => {
      const stream = fresh();
      await one(stream, 'no-stream');
      const calls = await callsOf('append_batch', async (watched) => {
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, n) =>
            watched.append({ stream, expected: BigInt(2 * n), events: [event(2 * n), event(2 * n + 1)] }),
          ),
        );
        expect(results.map(([result]) => result!.revision)).toEqual(results.map((_, n) => BigInt(2 * n + 2)));
        const stored = await Array.fromAsync(store.readStream(stream, { from: 1n }));
        expect(results.flatMap(([result]) => result!.events)).toEqual(
          stored.map((recorded) => ({ ...recorded, metadata: expect.objectContaining(recorded.metadata) as object })),
        );
      });
      expect(calls).toBe(1);
    }),
  );

  it(
    'fails what follows from an append that fails, and nothing else',
    inTenant(async () => {
      const [stream, other] = [fresh(), fresh()];
      await one(stream, 'no-stream');
      const chain = ['no-stream', 0n, 1n, 2n] as const;
      const results = await Promise.allSettled([
        one(stream, 5n),
        one(stream, 6n),
        ...chain.map((expected) => one(other, expected)),
        one(stream, 0n),
      ]);
      const reasons = results.map((result) => (result.status === 'rejected' ? (result.reason as Error).name : 'added'));
      expect(reasons).toEqual([
        'WrongExpectedVersion',
        'WrongExpectedVersion',
        'added',
        'added',
        'added',
        'added',
        'added',
      ]);
      expect(await Array.fromAsync(store.readStream(stream))).toHaveLength(2);
    }),
  );

  it(
    'adds an append of several events whole or not at all, in a batch as alone',
    inTenant(async () => {
      const [taken, free] = [fresh(), fresh()];
      const used = event();
      await one(fresh(), 'any', used);
      const several = (stream: StreamName, ...events: NewEvent[]) =>
        store.append({ stream, expected: 'no-stream', events });
      const results = await Promise.allSettled([
        several(taken, event(1), used, event(2)),
        several(free, event(1), event(2), event(3)),
        several(free, event(4)),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
      expect(results[0]).toMatchObject({ reason: { code: 'event-id-in-use' } });
      await expect(several(taken, event(1), used)).rejects.toThrow(EventIdInUse);
      expect(await Array.fromAsync(store.readStream(taken))).toEqual([]);
      expect(await Array.fromAsync(store.readStream(free))).toHaveLength(3);
      await several(taken, event(5), event(6));
      expect(await Array.fromAsync(store.readStream(taken))).toHaveLength(2);
    }),
  );

  it(
    'does not hold others up while one waits for a lock',
    inTenant(async () => {
      // One more than there are calls under way at most.
      const locked = [fresh(), fresh(), fresh()];
      let settled = 0;
      let waiting!: Promise<unknown>;
      await store.transaction(async () => {
        await store.lockAndLoad(locked);
        // As others would: outside this transaction.
        await outside(async () => {
          const held = locked.map((stream) => one(stream, 'any').finally(() => (settled += 1)));
          await one(fresh(), 'any');
          const batch = [one(fresh(), 'any'), one(locked[0]!, 'any'), one(fresh(), 'any')];
          await Promise.all([batch[0], batch[2]]);
          waiting = Promise.all([...held, batch[1]]);
        });
        expect(settled).toBe(0);
      });
      await waiting;
      expect(await Array.fromAsync(store.readStream(locked[0]!))).toHaveLength(2);
    }),
  );

  it(
    'says that it does not know when the connection dies, and a repeat adds nothing twice',
    inTenant(async () => {
      const killer = new pg.Client(testDatabase.url);
      await killer.connect();
      const appended = Array.from({ length: 300 }, (_, n) => ({ stream: fresh(), event: event(n) }));
      const sending = Promise.allSettled(appended.map(({ stream, event }) => one(stream, 'no-stream', event)));
      await sleep(5);
      await killer.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
      );
      await killer.end();
      const results = await sending;
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'database-unavailable' });
      }
      await Promise.all(appended.map(({ stream, event }) => insist(() => one(stream, 'no-stream', event))));
      const { events } = await store.readFeed();
      expect(events.map(({ data }) => (data as { n: number }).n).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 300 }, (_, n) => n),
      );
    }),
  );
});

/** As a client would: other connections of the pool may turn out to be dead too. */
async function insist<T>(attempt: () => Promise<T>, attempts = 20): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof DatabaseUnavailable) || attempts === 1) throw error;
    await sleep(20);
    return insist(attempt, attempts - 1);
  }
}

/** As somebody else would run it: for the same tenant, outside the running transaction. */
function outside(work: () => Promise<void>): Promise<void> {
  const tenant = currentTenant();
  return elsewhere.runInAsyncScope(() => runInTenant(tenant, work));
}
