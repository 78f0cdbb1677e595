// What the adapter reads once and keeps: everything, for all consumers of the process, and streams that are loaded again.
import { type OpenDatabase, openDatabase } from '@concord/database';
import { type EventStore, openKurrentEventStore, type ReadStreamOptions } from '@concord/event-store';
import { newId, type NewEvent, StreamDeleted, type StreamName } from '@concord/kernel';
import { Consumer } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { EventStoreDBClient } from '@eventstore/db-client';
import { type RunningServer, startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { until } from '../fixtures/group-member.js';
import { eventMessage, startScripted } from './scripted-server.js';

let databases: TestDatabase[];
let server: RunningServer;
let opened: OpenDatabase;
let store: EventStore;
let other: EventStore;

beforeAll(async () => {
  databases = [await createTestDatabase(), await createTestDatabase()];
  const environment = { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' };
  server = await startEventStoreServer({ url: databases[0]!.url, environment });
  opened = await openDatabase({ url: databases[1]!.url });
  const options = { database: opened.database, hearOthers: false };
  store = await openKurrentEventStore(server.connectionString, options);
  other = await openKurrentEventStore(server.connectionString, options);
});
afterAll(async () => {
  await Promise.all([store.close(), other.close()]);
  await opened.close();
  await server.close();
  for (const { drop } of databases) await drop();
});

const event = (n = 0): NewEvent => ({ id: newId(), type: 'N', data: { n, list: [{ n }] } });
const events = (count: number): NewEvent[] => Array.from({ length: count }, (_, n) => event(n));
const inTenant = (work: (tenant: string) => Promise<void>) => async () => {
  const tenant = `t-${newId()}`;
  await runInTenant(tenant, () => work(tenant));
};
const append = (to: EventStore, stream: StreamName, added: readonly NewEvent[]) =>
  to.append({ stream, expected: 'any', events: added });
const load = (stream: StreamName) =>
  store.transaction(async () => {
    const { events: shown, revision, first } = (await store.lockAndLoad([stream])).get(stream)!;
    return { numbers: shown.map(({ data }) => (data as { n: number }).n), revision, first };
  });

/** How often `work` has called a method of the client, and with which options. */
async function calls(method: 'readAll' | 'readStream', work: () => Promise<unknown>): Promise<unknown[][]> {
  const { prototype } = EventStoreDBClient as unknown as {
    prototype: Record<string, (...given: unknown[]) => unknown>;
  };
  const original = prototype[method]!;
  const made: unknown[][] = [];
  prototype[method] = function (this: unknown, ...given: unknown[]) {
    made.push(given);
    return original.apply(this, given);
  };
  try {
    await work();
  } finally {
    prototype[method] = original;
  }
  return made;
}

describe('everything', () => {
  it(
    'is read about once, however many consumers there are',
    inTenant(async (tenant) => {
      for (let round = 0; round < 5; round += 1) await append(other, `thing-${round}`, events(1_000));
      const seen = new Map<number, number>();
      const consumers = Array.from({ length: 10 }, (_, n) => {
        const handle = (page: readonly unknown[]): Promise<void> => {
          seen.set(n, (seen.get(n) ?? 0) + page.length);
          return Promise.resolve();
        };
        return new Consumer(store, opened.database, { name: `${tenant}-${n}`, categories: ['thing'], handle });
      });
      const reads = await calls('readAll', async () => {
        for (const consumer of consumers) consumer.start();
        await until('all have seen all', () => consumers.every((_, n) => seen.get(n) === 5_000), 60_000);
        await Promise.all(consumers.map((consumer) => consumer.stop()));
      });
      const from = reads.map(([options]) => {
        const { fromPosition } = options as { fromPosition: { commit: bigint } | 'start' };
        return fromPosition === 'start' ? 0 : Number(fromPosition.commit);
      });
      // Whether there is more behind the end is asked as often as anybody has reason to.
      const pages = from.filter((position) => position < Math.max(...from));
      expect(pages.length).toBeGreaterThanOrEqual(5);
      expect(pages).toEqual([...new Set(pages)]);
    }),
    90_000,
  );

  it(
    'is shown up to now: what another process has appended just before is there',
    inTenant(async () => {
      const over = new AbortController();
      // Somebody is always in the middle of asking, and may have been answered before the event was there.
      const asking = Array.from({ length: 3 }, async () => {
        while (!over.signal.aborted) await store.readFeed({});
      });
      const found: number[] = [];
      for (let n = 1; n <= 100; n += 1) {
        await append(other, 'thing-1', [event(n)]);
        found.push((await store.readFeed({})).events.length - n);
      }
      over.abort();
      await Promise.all(asking);
      expect(found.filter((difference) => difference !== 0)).toEqual([]);
    }),
  );

  it(
    'is not spoiled by a reader who changes what he was given',
    inTenant(async () => {
      await append(store, 'thing-1', [event(1)]);
      const [given] = (await store.readFeed({})).events;
      (given!.data as { list: { n: number }[] }).list[0]!.n = 99;
      (given!.metadata as Record<string, unknown>)['spoiled'] = true;
      const [again] = (await store.readFeed({})).events;
      expect(again!.data).toEqual({ n: 1, list: [{ n: 1 }] });
      expect(again!.metadata).not.toHaveProperty('spoiled');
    }),
  );

  it('is searched to its end before a page is empty', async () => {
    await runInTenant('busy', async () => {
      for (let round = 0; round < 21; round += 1) await append(other, `thing-${round}`, events(1_000));
    });
    await runInTenant('rare', async () => {
      await append(other, 'thing-1', [event(7)]);
      expect((await store.readFeed({})).events).toHaveLength(1);
    });
  }, 60_000);
});

describe('a long stream', () => {
  it(
    'is read without a gap or a repeat over its pages, either way',
    inTenant(async () => {
      for (let round = 0; round < 6; round += 1) await append(other, 'long-1', events(1_000));
      const read = async (options: ReadStreamOptions) =>
        (await Array.fromAsync(store.readStream('long-1', options))).map(({ streamPosition }) =>
          Number(streamPosition),
        );
      const all = Array.from({ length: 6_000 }, (_, n) => n);
      expect(await read({})).toEqual(all);
      expect(await read({ direction: 'backwards' })).toEqual(all.toReversed());
      expect(await read({ from: 10n, limit: 5_500 })).toEqual(all.slice(10, 5_510));
      expect(await read({ limit: 5_000 })).toEqual(all.slice(0, 5_000));
    }),
    60_000,
  );
});

describe('a stream that is loaded again', () => {
  const stream = 'thing-1';

  it(
    'is read from where it was known to, and shows what others have appended',
    inTenant(async () => {
      await append(store, stream, events(50));
      await load(stream);
      await append(other, stream, [event(50), event(51)]);
      let loaded: Awaited<ReturnType<typeof load>> | undefined;
      const reads = await calls('readStream', async () => (loaded = await load(stream)));
      expect(loaded).toEqual({ numbers: Array.from({ length: 52 }, (_, n) => n), revision: 51n, first: 0n });
      expect(reads.map(([, options]) => options)).toContainEqual(expect.objectContaining({ fromRevision: 49n }));
      expect(reads.map(([, options]) => options)).not.toContainEqual(
        expect.objectContaining({ fromRevision: 'start', maxCount: 1_000 }),
      );
    }),
  );

  it(
    'shows no more than it does to others: truncated, deleted, come back, deleted for good',
    inTenant(async () => {
      await append(store, stream, events(20));
      await load(stream);
      await other.writeStreamMetadata(stream, { truncateBefore: 15n });
      expect(await load(stream)).toMatchObject({ numbers: [15, 16, 17, 18, 19], first: 15n });
      await append(other, stream, events(10));
      expect((await load(stream)).numbers).toHaveLength(15);
      await other.deleteStream(stream, 'any');
      expect((await load(stream)).numbers).toEqual([]);
      await append(other, stream, [event(100)]);
      expect(await load(stream)).toEqual({ numbers: [100], revision: 30n, first: 30n });
      await append(other, stream, events(20));
      await load(stream);
      await other.tombstoneStream(stream, 'any');
      await expect(load(stream)).rejects.toThrow(StreamDeleted);
    }),
  );

  it(
    'is not spoiled by an aggregate that changes what it was given',
    inTenant(async () => {
      await append(store, stream, events(10));
      await load(stream);
      await store.transaction(async () => {
        const { events: shown } = (await store.lockAndLoad([stream])).get(stream)!;
        (shown[0]!.data as { n: number }).n = 99;
      });
      expect((await load(stream)).numbers[0]).toBe(0);
    }),
  );

  it(
    'still recognises a repeat of what it has had long ago',
    inTenant(async () => {
      const old = events(1);
      await append(store, stream, [...old, ...events(20)]);
      await load(stream);
      const [result] = await store.transaction(async () => {
        await store.lockAndLoad([stream]);
        return store.append({ stream, expected: 20n, events: old });
      });
      expect(result).toMatchObject({ revision: 0n, events: [] });
      const look = async (): Promise<unknown> =>
        store.findEvents(
          old.map(({ id }) => id),
          [stream],
        );
      expect(await look()).toMatchObject([{ id: old[0]!.id, streamPosition: 0n }]);
      expect((await load(stream)).revision).toBe(20n);
    }),
  );

  it('is read anew when its end is another one: a leader was lost with what nobody else had', async () => {
    let ids = Array.from({ length: 10 }, () => newId());
    const scripted = await startScripted({
      read: (call) => {
        const { options } = call.request.toObject();
        const from = Number(options?.stream?.revision ?? 0);
        for (const [n, id] of ids.entries()) {
          if (n < from || n >= from + Number(options?.count)) continue;
          const message = eventMessage(`t~${stream}`, id, 0n);
          message
            .getEvent()!
            .getEvent()!
            .setStreamRevision(n.toString())
            .setData(Buffer.from(JSON.stringify({ id })));
          call.write(message);
        }
        call.end();
      },
    });
    const lonely = await openKurrentEventStore(scripted.url, { hearOthers: false });
    const shown = (): Promise<unknown[]> =>
      runInTenant('t', () =>
        lonely.transaction(async () =>
          (await lonely.lockAndLoad([stream])).get(stream)!.events.map(({ data }) => (data as { id: string }).id),
        ),
      );
    expect(await shown()).toEqual(ids);
    ids = [...ids.slice(0, 8), newId(), newId(), newId()];
    expect(await shown()).toEqual(ids);
    await lonely.close();
    scripted.close();
  });
});
