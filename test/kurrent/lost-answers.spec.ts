// The wire breaks between the adapter and a real server: what was appended is there once, and the adapter goes on.
import { type EventStore, openKurrentEventStore, StoreUnavailable } from '@concord/event-store';
import { EventIdInUse, type ExpectedVersion, newId, type NewEvent, type StreamName, streamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase } from '@concord/testing';
import { type RunningServer, startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { openWire, type Wire } from './wire.js';

let server: RunningServer;
let drop: () => Promise<void>;
let wire: Wire;
let store: EventStore;
/** By another connection, which nothing happens to. */
let witness: EventStore;

beforeAll(async () => {
  const database = await createTestDatabase();
  drop = database.drop;
  server = await startEventStoreServer({
    url: database.url,
    environment: { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' },
  });
  wire = await openWire(server.connectionString);
  store = await openKurrentEventStore(wire.url, { deadline: 1_000, patience: 30_000 });
  witness = await openKurrentEventStore(server.connectionString, { hearOthers: false });
});
afterAll(async () => {
  await Promise.all([store.close(), witness.close()]);
  await wire.cut();
  await server.close();
  await drop();
});

const event = (): NewEvent => ({ id: newId(), type: 'A', data: { n: 1 } });
const fresh = (): StreamName => streamName('thing', newId());
const idsIn = async (stream: StreamName) => (await Array.fromAsync(witness.readStream(stream))).map(({ id }) => id);
const until = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe('an append whose answer is lost', () => {
  it.each<[ExpectedVersion, number, number]>([
    ['no-stream', 0, 1],
    [1n, 2, 1],
    [1n, 2, 3],
    ['any', 0, 1],
    ['any', 2, 3],
    ['stream-exists', 2, 1],
  ])('is there once: it expects %s of %s events and adds %s', async (expected, before, count) => {
    await runInTenant('t', async () => {
      const stream = fresh();
      const there = Array.from({ length: before }, event);
      if (before > 0) await witness.append({ stream, expected: 'no-stream', events: there });
      await store.lastPosition();
      const events = Array.from({ length: count }, event);
      wire.mute();
      const appended = store.append({ stream, expected, events });
      // The server has it; another writer comes in between; then the connection ends, and the answer with it.
      await until(async () => (await idsIn(stream)).length === before + count);
      const other = event();
      await witness.append({ stream, expected: 'any', events: [other] });
      wire.drop();
      const [result] = await appended;
      expect(await idsIn(stream)).toEqual([...there, ...events, other].map(({ id }) => id));
      expect(result!.revision).toBe(BigInt(before + count - 1));
      const recorded = await Array.fromAsync(witness.readStream(stream));
      expect(result!.globalPosition).toBe(recorded[before + count - 1]!.globalPosition);
    });
  });

  it('is there once when it never reached the server', async () => {
    await runInTenant('t', async () => {
      for (const expected of ['any', 'no-stream'] as const) {
        const stream = fresh();
        await wire.cut();
        const appended = store.append({ stream, expected, events: [event()] });
        await new Promise((resolve) => setTimeout(resolve, 200));
        await wire.restore();
        await expect(appended).resolves.toMatchObject([{ revision: 0n }]);
        expect(await idsIn(stream)).toHaveLength(1);
      }
    });
  });
});

it('a connection that has gone silent is given up: the next attempt takes another', async () => {
  await runInTenant('t', async () => {
    const stream = fresh();
    // It gives up before gRPC itself finds out, which takes 5 s at least.
    const hasty = await openKurrentEventStore(wire.url, { deadline: 500, patience: 4_000, hearOthers: false });
    await hasty.lastPosition();
    wire.stall();
    await expect(hasty.append({ stream, expected: 'any', events: [event()] })).resolves.toMatchObject([
      { revision: 0n },
    ]);
    wire.stall();
    expect(await Array.fromAsync(hasty.readStream(stream))).toHaveLength(1);
    wire.drop();
    await hasty.close();
  });
});

it('a read goes on when the wire is back', async () => {
  await runInTenant('t', async () => {
    const stream = fresh();
    await witness.append({ stream, expected: 'any', events: Array.from({ length: 1_500 }, event) });
    const read: string[] = [];
    for await (const { id } of store.readStream(stream)) {
      if (read.length === 500) wire.drop();
      read.push(id);
    }
    expect(read).toEqual(await idsIn(stream));
  });
});

it('an event id that the server knows for another event is refused as such', async () => {
  await runInTenant('t', async () => {
    const used = event();
    await store.append({ stream: fresh(), expected: 'any', events: [used] });
    await expect(store.append({ stream: fresh(), expected: 'any', events: [used] })).rejects.toThrow(EventIdInUse);
  });
});

it('a store that was given up on answers again', async () => {
  await runInTenant('t', async () => {
    const impatient = await openKurrentEventStore(wire.url, { deadline: 300, patience: 600, hearOthers: false });
    const stream = fresh();
    await wire.cut();
    const append = () => impatient.append({ stream, expected: 'any', events: [event()] });
    await expect(append()).rejects.toThrow(StoreUnavailable);
    await wire.restore();
    await expect(append()).resolves.toMatchObject([{ revision: 0n }]);
    await impatient.close();
  });
});

it('hears what others append, and again after the subscription has ended', async () => {
  await runInTenant('t', async () => {
    let heard = 0;
    const stop = store.onAppended(() => (heard += 1));
    const hears = async (): Promise<void> => {
      const before = heard;
      // The subscription may be on its way still: append until it is heard of.
      await until(async () => {
        await witness.append({ stream: fresh(), expected: 'any', events: [event()] });
        return heard > before;
      });
    };
    await hears();
    wire.drop();
    await hears();
    await wire.cut();
    await witness.append({ stream: fresh(), expected: 'any', events: [event()] });
    const before = heard;
    await wire.restore();
    // What came meanwhile is told of without another append.
    await until(() => Promise.resolve(heard > before));
    stop();
  });
});
