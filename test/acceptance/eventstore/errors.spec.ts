import { jsonEvent } from '@eventstore/db-client';
import { newId } from '@concord/kernel';
import { collect, event, type ServerUnderTest, startServer } from './server-under-test.js';
import { type RawClient, rawClient } from './raw-client.js';

let server: ServerUnderTest;
let raw: RawClient;

beforeAll(async () => {
  server = await startServer({ EVENTSTORE_MAX_APPEND_SIZE: '20000' });
  raw = rawClient(server.port);
});

afterAll(async () => {
  raw.close();
  await server.close();
});

const fresh = () => `order-${newId()}`;
const credentials = { username: 'u', password: 'p' };
const WAYS = [
  ['BatchAppend', {}],
  ['Append', { credentials }],
] as const;

describe.each(WAYS)('%s tells', (_, options) => {
  it.each([
    ['no_stream', 'no_stream', 1n],
    ['a revision', 7n, 1n],
  ] as const)('a wrong expected version: %s, where there is one', async (_name, expectedRevision, actualVersion) => {
    const streamName = fresh();
    await server.client.appendToStream(streamName, [event(), event()]);
    await expect(
      server.client.appendToStream(streamName, event(), { expectedRevision, ...options }),
    ).rejects.toMatchObject({
      type: 'wrong-expected-version',
      streamName,
      expectedVersion: expectedRevision,
      actualVersion,
    });
    expect(await collect(server.client.readStream(streamName))).toHaveLength(2);
  });

  it.each(['stream_exists', 0n] as const)('a wrong expected version: %s, where there is none', async (expected) => {
    const streamName = fresh();
    const attempt = server.client.appendToStream(streamName, event(), { expectedRevision: expected, ...options });
    await expect(attempt).rejects.toMatchObject({
      type: 'wrong-expected-version',
      streamName,
      expectedVersion: expected,
      actualVersion: 'no_stream',
    });
  });

  it('that an append is too large, and takes one that just fits', async () => {
    const large = (size: number) => jsonEvent({ type: 'L', data: { x: 'x'.repeat(size) } });
    const attempt = server.client.appendToStream(fresh(), [large(10_000), large(10_000)], options);
    await expect(attempt).rejects.toMatchObject({ type: 'maximum-append-size-exceeded', maxAppendSize: 20_000 });
    // {"x":""} and the type.
    await server.client.appendToStream(fresh(), large(20_000 - 9), options);
    await expect(server.client.appendToStream(fresh(), large(20_000 - 8), options)).rejects.toMatchObject({
      type: 'maximum-append-size-exceeded',
    });
  });

  it('what it cannot keep, and keeps nothing', async () => {
    const stream = fresh();
    const attempt = server.client.appendToStream(stream, [event(), event('T'.repeat(201))], options);
    await expect(attempt).rejects.toThrow(/event type/);
    await expect(collect(server.client.readStream(stream))).rejects.toMatchObject({ type: 'stream-not-found' });
  });

  it('of an append without events where the stream is', async () => {
    const stream = fresh();
    await server.client.appendToStream(stream, [event(), event()]);
    const appended = await server.client.appendToStream(stream, [], { expectedRevision: 1n, ...options });
    expect(appended).toMatchObject({ success: true, nextExpectedRevision: 1n });
    const wrong = server.client.appendToStream(stream, [], { expectedRevision: 'no_stream', ...options });
    await expect(wrong).rejects.toMatchObject({ type: 'wrong-expected-version', actualVersion: 1n });
  });
});

describe('the server', () => {
  it('says when a deadline has passed before the append began', async () => {
    const stream = fresh();
    const sent = { contentType: 'application/json', data: Buffer.from('{}'), metadata: Buffer.of() };
    const late = await raw.batch(stream, [sent], { deadline: new Date(Date.now() - 1000) });
    expect(late.getError()?.getDetails()?.getTypeName()).toBe('event_store.client.Timeout');
    expect(await raw.read(stream)).toEqual([]);
  });

  it('puts together a batch that comes in parts', async () => {
    const stream = fresh();
    const sent = Array.from({ length: 7 }, (_, n) => ({
      contentType: 'application/json',
      data: Buffer.from(`{"n":${n}}`),
      metadata: Buffer.of(),
    }));
    await raw.batch(stream, sent, { parts: 3 });
    expect(await raw.read(stream)).toEqual(sent);
  });

  it('keeps the order of appends to one stream that are sent without waiting', async () => {
    const stream = fresh();
    const sizes = Array.from({ length: 60 }, (_, index) => (index % 3) + 1);
    const appends = sizes.map((size, n) =>
      server.client.appendToStream(
        stream,
        Array.from({ length: size }, () => event('N', { n })),
      ),
    );
    await Promise.all(appends);
    const read = await collect(server.client.readStream<{ type: 'N'; data: { n: number } }>(stream));
    const order = read.map(({ event }) => event!.data.n);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order).toHaveLength(120);
  });

  it('lets one append of the process fail and the others pass', async () => {
    const streams = Array.from({ length: 40 }, fresh);
    const outcomes = await Promise.allSettled(
      streams.map((stream, n) =>
        server.client.appendToStream(stream, event(), { expectedRevision: n % 2 ? 'no_stream' : 'stream_exists' }),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(streams.map((_, n) => (n % 2 ? 'fulfilled' : 'rejected')));
  });

  it('answers what it has not got by UNIMPLEMENTED, and unknown failures without a stack', async () => {
    await expect(server.client.listProjections()).rejects.toMatchObject({ code: 12 });
  });

  it('is found through gossip', async () => {
    const client = server.connect('&nodePreference=leader');
    const { EventStoreDBClient } = await import('@eventstore/db-client');
    const cluster = EventStoreDBClient.connectionString(
      `esdb://127.0.0.1:${server.port},127.0.0.1:${server.port}?tls=false`,
    );
    const stream = fresh();
    await cluster.appendToStream(stream, event());
    expect(await collect(client.readStream(stream))).toHaveLength(1);
    await cluster.dispose();
  });
});
