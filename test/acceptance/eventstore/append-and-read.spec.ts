import { BACKWARDS, END, START } from '@eventstore/db-client';
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
});
