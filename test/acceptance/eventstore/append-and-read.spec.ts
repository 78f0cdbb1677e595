import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { BACKWARDS, END, START } from '@eventstore/db-client';
import { rawClient } from './raw-client.js';
import { startServer, collect, event, type ServerUnderTest } from './server-under-test.js';

let server: ServerUnderTest;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server.close();
});

describe('append and read', () => {
  // With credentials the client uses Append, without them BatchAppend.
  const ways = [
    ['BatchAppend', {}],
    ['Append', { credentials: { username: 'u', password: 'p' } }],
  ] as const;

  it.each(ways)('%s: appends and gives back revisions, positions and dates', async (_, options) => {
    const stream = `order-${crypto.randomUUID()}`;
    const appended = await server.client.appendToStream(stream, [event('A'), event('B', { x: [1, 'é'] })], {
      expectedRevision: 'no_stream',
      ...options,
    });
    expect(appended).toMatchObject({ success: true, nextExpectedRevision: 1n });
    const read = await collect(server.client.readStream(stream));
    expect(read.map(({ event }) => [event!.type, event!.revision, event!.data])).toEqual([
      ['A', 0n, { n: 1 }],
      ['B', 1n, { x: [1, 'é'] }],
    ]);
    expect(read[1]!.event!.position).toEqual(appended.position);
    expect(Math.abs(read[0]!.event!.created.getTime() - Date.now())).toBeLessThan(60_000);
    const backwards = await collect(
      server.client.readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 1 }),
    );
    expect(backwards.map(({ event }) => event!.type)).toEqual(['B']);
  });

  it('reads $all both ways, from positions and up to counts', async () => {
    await server.client.appendToStream('all-1', [event('X'), event('Y'), event('Z')]);
    const forwards = await collect(server.client.readAll({ fromPosition: START }));
    const backwards = await collect(server.client.readAll({ direction: BACKWARDS, fromPosition: END }));
    const ids = forwards.map(({ event }) => event!.id);
    expect(backwards.map(({ event }) => event!.id)).toEqual(ids.toReversed());
    const { position } = forwards.at(-2)!.event!;
    const tail = await collect(server.client.readAll({ fromPosition: position }));
    expect(tail.map(({ event }) => event!.id)).toEqual(ids.slice(-2));
    const head = await collect(server.client.readAll({ direction: BACKWARDS, fromPosition: position, maxCount: 1 }));
    expect(head.map(({ event }) => event!.id)).toEqual(ids.slice(-3, -2));
  });

  it('tells a stream that is not there from one that has nothing where it is read', async () => {
    const [there, missing] = [`there-${crypto.randomUUID()}`, `missing-${crypto.randomUUID()}`];
    await server.client.appendToStream(there, event());
    expect(await collect(server.client.readStream(there, { fromRevision: 5n }))).toEqual([]);
    expect(await collect(server.client.readStream(there, { fromRevision: END }))).toEqual([]);
    for (const options of [{}, { fromRevision: 5n }, { direction: BACKWARDS, fromRevision: END } as const]) {
      await expect(collect(server.client.readStream(missing, options))).rejects.toMatchObject({
        type: 'stream-not-found',
        streamName: missing,
      });
    }
  });

  it('filters a read of $all, and gives ids in the structured form, which this client cannot ask for', async () => {
    const kept = event('Kept');
    await server.client.appendToStream('filtered-1', [
      ...Array.from({ length: 200 }, () => event('Passed')),
      kept,
      event('Kept'),
    ]);
    const expression = new streams.ReadReq.Options.FilterOptions.Expression().setRegex('^K');
    const options = new streams.ReadReq.Options()
      .setAll(new streams.ReadReq.Options.AllOptions().setStart(new shared.Empty()))
      .setFilter(new streams.ReadReq.Options.FilterOptions().setEventType(expression).setMax(10))
      .setUuidOption(new streams.ReadReq.Options.UUIDOption().setStructured(new shared.Empty()))
      .setCount('1');
    const raw = rawClient(server.port);
    const responses = await raw.readRaw(new streams.ReadReq().setOptions(options));
    raw.close();
    expect(responses).toHaveLength(1);
    const id = responses[0]!.getEvent()!.getEvent()!.getId()!.getStructured()!;
    const halves = [id.getMostSignificantBits(), id.getLeastSignificantBits()];
    const hex = halves.map((half) => BigInt.asUintN(64, BigInt(half)).toString(16).padStart(16, '0')).join('');
    expect(hex).toBe(kept.id.replaceAll('-', ''));
  });
});

describe('a server in a shell where EVENTSTORE_URL is set for its clients', () => {
  const given = process.env['EVENTSTORE_URL'];
  afterEach(() => {
    if (given === undefined) delete process.env['EVENTSTORE_URL'];
    else process.env['EVENTSTORE_URL'] = given;
  });

  it('keeps the events itself', async () => {
    process.env['EVENTSTORE_URL'] = 'esdb://127.0.0.1:1?tls=false';
    const own = await startServer();
    await own.client.appendToStream('order-1', event());
    expect(await collect(own.client.readStream('order-1'))).toHaveLength(1);
    await own.close();
  });
});
