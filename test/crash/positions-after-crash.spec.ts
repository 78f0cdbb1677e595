// A position that was given to an append that was rolled back need not survive a crash of PostgreSQL: sequences are logged
// ahead, but nobody waits for that log. Whoever had read "through" it would miss the event that is given it next.
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenDatabase, openDatabase } from '@concord/database';
import {
  type AppendResult,
  PostgresEventStore,
  type ReadFeedOptions,
  type StoredEventFilter,
  StoredEvents,
} from '@concord/event-store';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { Logger } from '@nestjs/common';
import { FeedSource } from '../../apps/eventstore/src/reading/feed-source.js';
import { EmbeddedServer } from '../torture/embedded-server.js';

let server: EmbeddedServer;
let opened: OpenDatabase;
let store: PostgresEventStore;

beforeAll(async () => {
  Logger.overrideLogger(false); // Connections are lost here, on purpose.
  server = await EmbeddedServer.start();
  opened = await openDatabase({ url: server.url, poolSize: 4 });
  store = new PostgresEventStore(opened.database);
  // Else the log of the rollback is written a fifth of a second later, and the test would depend on speed.
  await server.query(`alter system set wal_writer_delay = '10s'`);
  await server.query('select pg_reload_conf()');
}, 60_000);
afterAll(async () => {
  await opened.close();
  await server.remove();
});

const inTenant = <T>(work: () => Promise<T>): Promise<T> => runInTenant('crashed', work);

async function append(): Promise<AppendResult | undefined> {
  const request = { stream: 's-1', expected: 'any', events: [{ id: newId(), type: 'X', data: {} }] } as const;
  for (const deadline = Date.now() + 30_000; ;) {
    try {
      return (await inTenant(() => store.append(request)))[0];
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

it('no reader is told that it has read through a position that may be given again', async () => {
  const filters: readonly ReadFeedOptions[] = [
    {},
    { types: ['X'] },
    { categories: ['other'] },
    { streamPrefixes: ['t'] },
  ];
  const served: readonly StoredEventFilter[] = [{}, { type: 'Y' }, { category: 'other' }, { streamPrefixes: ['t'] }];
  await append();
  const rollingBack = opened.database.transaction(async () => {
    await opened.database.query({ text: 'select concord.mark_append()' });
    await opened.database.query({
      text: `select max(n) from (select nextval('concord.global_position') as n from generate_series(1, 200)) as drawn`,
    });
    throw new Error('as was decided');
  });
  await expect(rollingBack).rejects.toThrow('as was decided');
  const before = await store.lastPosition();
  const pages = await Promise.all(filters.map((filter) => inTenant(() => store.readFeed(filter))));
  // The EventStoreDB server tells its clients such positions as checkpoints, and goes on from them itself.
  const stored = new StoredEvents(opened.database);
  const sources = served.map((filter) => new FeedSource(stored, filter));
  const places = await Promise.all(
    sources.flatMap((source) => [
      inTenant(() => source.end()),
      inTenant(() => source.page(0n, 100, false)).then((page) => page.next),
    ]),
  );
  await server.kill(true);

  const next = (await append())?.globalPosition ?? 0n;
  // Else this test would prove nothing: the position had been given before, and is given again.
  expect(next).toBeLessThan(before);
  for (const { through } of pages) {
    const { events } = await inTenant(() => store.readFeed({ after: through }));
    expect(events.map(({ globalPosition }) => globalPosition)).toContain(next);
  }
  expect(places).toHaveLength(8);
  for (const from of places) {
    const { entries } = await inTenant(() => new FeedSource(stored).page(from, 100, false));
    expect(entries.map(({ event }) => event?.global_position)).toContain(next);
  }
}, 90_000);
