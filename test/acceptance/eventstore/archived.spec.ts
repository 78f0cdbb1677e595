// Archived events: read back as they were, or refused when the server does not know where they are; never left out.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BACKWARDS, binaryEvent, END, eventTypeFilter, START, streamNameFilter } from '@eventstore/db-client';
import { Database } from '@concord/database';
import { EventStore, PostgresEventStore } from '@concord/event-store';
import { runInTenant } from '@concord/tenancy';
import { collect, event, type ServerUnderTest, startServer, TENANT } from './server-under-test.js';

it('refuses what reaches into the archive, and reads what does not', async () => {
  const server = await startServer();
  const archiveFolder = await mkdtemp(join(tmpdir(), 'concord-archive-'));
  const { client } = server;
  const appended = await client.appendToStream('order-1', [event('A'), event('B'), event('C')]);
  await client.appendToStream('links-1', binaryEvent({ type: '$>', data: Buffer.from('0@order-1') }));
  await client.appendToStream('order-1', [event('D'), event('E')]);
  const store = new PostgresEventStore(server.app.get(Database), { archiveFolder });
  const report = await runInTenant(TENANT, () => store.archive({ upTo: appended.position!.commit }));
  expect(report.events).toBe(3);

  const refused = (events: AsyncIterable<unknown>) => expect(collect(events)).rejects.toThrow(/archived/);
  const types = async (events: AsyncIterable<{ event?: { type: string } }>) =>
    (await collect(events)).map(({ event }) => event?.type);
  await refused(client.readStream('order-1'));
  await refused(client.readStream('order-1', { fromRevision: 2n }));
  await refused(client.readStream('order-1', { direction: BACKWARDS, fromRevision: END }));
  await refused(client.readStream('order-1', { direction: BACKWARDS, fromRevision: 1n }));
  await refused(client.readStream('links-1', { resolveLinkTos: true }));
  await refused(client.readAll());
  await refused(client.readAll({ direction: BACKWARDS, fromPosition: END }));
  await refused(client.readStream('$ce-order'));
  await refused(client.subscribeToStream('order-1'));

  expect(await types(client.readStream('order-1', { fromRevision: 3n }))).toEqual(['D', 'E']);
  const lastTwo = { direction: BACKWARDS, fromRevision: END, maxCount: 2 } as const;
  expect(await types(client.readStream('order-1', lastTwo))).toEqual(['E', 'D']);
  const after = { commit: appended.position!.commit + 1n, prepare: appended.position!.prepare + 1n };
  expect(await types(client.readAll({ fromPosition: after }))).toEqual(['$>', 'D', 'E']);
  expect(await types(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 2 }))).toEqual(['E', 'D']);
  await client.setStreamMetadata('order-1', { truncateBefore: 3 });
  expect(await types(client.readStream('order-1'))).toEqual(['D', 'E']);
  await server.close();
  await rm(archiveFolder, { recursive: true });
});

describe('with the archive folder', () => {
  let folder: string;
  let server: ServerUnderTest;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'concord-archive-'));
    server = await startServer({ EVENTSTORE_ARCHIVE: folder });
  });

  afterAll(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  const filters = [
    {},
    { filter: streamNameFilter({ prefixes: ['order-1', 'b-'] }) },
    { filter: streamNameFilter({ regex: '^order-\\d$' }) },
    { filter: eventTypeFilter({ prefixes: ['C'] }) },
    { filter: eventTypeFilter({ regex: '^[ABX]' }) },
  ];

  /** Everything that can be read, in every way. */
  async function everything() {
    const { client } = server;
    const read: unknown[] = [];
    for (const stream of ['order-1', 'order-2', 'b-1', 'links-1', '$ce-order', '$et-B', '$streams']) {
      for (const resolveLinkTos of [false, true]) {
        read.push(await collect(client.readStream(stream, { resolveLinkTos })));
        read.push(
          await collect(client.readStream(stream, { resolveLinkTos, direction: BACKWARDS, fromRevision: END })),
        );
        read.push(await collect(client.readStream(stream, { resolveLinkTos, maxCount: 3 })));
        const lastThree = { resolveLinkTos, maxCount: 3, direction: BACKWARDS, fromRevision: END } as const;
        read.push(await collect(client.readStream(stream, lastThree)));
      }
    }
    const ownOnly = ({ event }: { event?: { streamId: string } }) => !event?.streamId.startsWith('$');
    read.push((await collect(client.readAll())).filter(ownOnly));
    read.push((await collect(client.readAll({ direction: BACKWARDS, fromPosition: END }))).filter(ownOnly));
    read.push(await collect(client.readAll({ maxCount: 7 })));
    for (const options of filters) {
      const subscription = client.subscribeToAll({ fromPosition: START, ...options });
      const seen: unknown[] = [];
      subscription.on('data', (resolved) => seen.push(resolved));
      await new Promise((resolve) => subscription.once('caughtUp', resolve));
      read.push(seen);
      await subscription.unsubscribe();
    }
    return read;
  }

  it('everything is read as before, to the byte, forwards and backwards, filtered and by links', async () => {
    const { client } = server;
    const append = (stream: string, ...types: string[]) =>
      client.appendToStream(
        stream,
        types.map((type) => event(type, { text: 'é', n: 1 })),
      );
    await append('order-1', 'A', 'B', 'C');
    await append('b-1', 'X', 'B');
    await client.appendToStream(
      'order-2',
      binaryEvent({ type: 'C', data: Buffer.from([0, 255]), metadata: Buffer.from('m') }),
    );
    await append('order-2', 'B', 'C');
    const links = ['0@order-1', '2@order-1', '1@b-1', '9@nowhere'].map((data) =>
      binaryEvent({ type: '$>', data: Buffer.from(data) }),
    );
    await client.appendToStream('links-1', links);
    const middle = await append('order-1', 'D', 'C');
    await append('b-1', 'X');
    await append('order-2', 'B');
    const before = await everything();
    const store = server.app.get<PostgresEventStore>(EventStore);
    const archive = (upTo: bigint) => runInTenant(TENANT, () => store.archive({ upTo, eventsPerFile: 3 }));
    expect((await archive(middle.position!.commit)).events).toBeGreaterThan(7);
    expect(await everything()).toEqual(before);
    // Again: files that overlap, and only the last event of each stream in the table.
    await append('order-1', 'E');
    await append('b-1', 'Y');
    const later = await everything();
    expect((await archive(2n ** 62n)).events).toBe(2);
    expect(await everything()).toEqual(later);
    await client.setStreamMetadata('order-1', { truncateBefore: 2 });
    expect((await collect(client.readStream('order-1'))).map(({ event: e }) => e?.type)).toEqual(['C', 'D', 'C', 'E']);
    const resolved = await collect(client.readStream('links-1', { resolveLinkTos: true }));
    expect(resolved.map(({ event: e }) => e?.type)).toEqual([undefined, 'C', 'B', undefined]);
    await client.tombstoneStream('b-1');
    const without = await collect(client.readStream('links-1', { resolveLinkTos: true }));
    expect(without.map(({ event: e }) => e?.type)).toEqual([undefined, 'C', undefined, undefined]);
  });
});
