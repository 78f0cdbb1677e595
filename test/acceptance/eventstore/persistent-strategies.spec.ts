// Who gets what, how much at a time, and what the client library cannot say: raw calls.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceError } from '@grpc/grpc-js';
import { jsonEvent, persistentSubscriptionToStreamSettingsFromDefaults, START } from '@eventstore/db-client';
import persistent from '@eventstore/db-client/generated/persistent_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { newId } from '@concord/kernel';
import { eventually } from '../../fixtures/data-folder.js';
import { consuming, type Consuming } from './consuming.js';
import { rawSubscriptions } from './persistent-raw.js';
import { event, type ServerUnderTest, startServer } from './server-under-test.js';

let server: ServerUnderTest;
let raw: ReturnType<typeof rawSubscriptions>;

beforeAll(async () => {
  server = await startServer();
  raw = rawSubscriptions(server.port);
});

afterAll(async () => {
  raw.close();
  await server.close();
});

const category = () => `c${newId().replaceAll('-', '')}`;
type Strategy = 'RoundRobin' | 'DispatchToSingle' | 'Pinned';

/** Two consumers of a category of ten streams with ten events each, written in turns. */
async function twoConsumers(strategy: Strategy, bufferSize: number) {
  const own = category();
  const stream = `$ce-${own}`;
  for (let n = 0; n < 10; n += 1) {
    const appends = Array.from({ length: 10 }, (_, s) =>
      server.client.appendToStream(`${own}-${s}`, jsonEvent({ type: 'E', data: { n } })),
    );
    await Promise.all(appends);
  }
  const settings = { startFrom: START, resolveLinkTos: true, consumerStrategyName: strategy } as const;
  await server.client.createPersistentSubscriptionToStream(
    stream,
    'g',
    persistentSubscriptionToStreamSettingsFromDefaults(settings),
  );
  const consume = () => consuming(server.client.subscribeToPersistentSubscriptionToStream(stream, 'g', { bufferSize }));
  const consumers = [consume(), consume()] as const;
  await Promise.all(consumers.map(({ confirmed }) => confirmed));
  return { stream, own, consumers };
}

/** Acknowledges whatever comes, until all hundred are done. */
async function workOff(consumers: readonly Consuming[]): Promise<void> {
  const done = consumers.map(() => 0);
  const total = () => consumers.reduce((sum, { seen }) => sum + seen.length, 0);
  for (const deadline = Date.now() + 20_000; total() < 100 || done.some((n, i) => n < consumers[i]!.seen.length);) {
    if (Date.now() > deadline) throw new Error(`only ${total()} of 100 events came`);
    for (const [index, consumer] of consumers.entries()) {
      const next = consumer.seen.slice(done[index], done[index]! + 3);
      if (next.length > 0) await consumer.ack(...next);
      done[index]! += next.length;
    }
    await sleep(2);
  }
}

const streamsOf = ({ seen }: Consuming) => new Set(seen.map(({ event: shown }) => shown!.streamId));

describe('strategies', () => {
  it('RoundRobin shares evenly, and hands out each event once', async () => {
    const { consumers } = await twoConsumers('RoundRobin', 10);
    await workOff(consumers);
    const ids = consumers.flatMap(({ seen }) => seen.map(({ link }) => link!.id));
    expect(new Set(ids).size).toBe(100);
    for (const { seen } of consumers) expect(seen.length).toBeGreaterThan(20);
    await Promise.all(consumers.map((consumer) => consumer.leave()));
  });

  it('DispatchToSingle fills one before it goes to the next', async () => {
    const { consumers } = await twoConsumers('DispatchToSingle', 5);
    const inHand = () => consumers.map(({ seen }) => seen.length).toSorted((a, b) => a - b);
    await eventually(() => inHand().join() === '5,5', 'both are full');
    await workOff(consumers);
    const roomy = await twoConsumers('DispatchToSingle', 200);
    await eventually(() => roomy.consumers.some(({ seen }) => seen.length === 100), 'one got everything');
    expect(roomy.consumers.map(({ seen }) => seen.length).toSorted((a, b) => a - b)).toEqual([0, 100]);
    await Promise.all([...consumers, ...roomy.consumers].map((consumer) => consumer.leave()));
  });

  it('Pinned keeps a stream with one consumer, in its order, while both are there', async () => {
    const { consumers } = await twoConsumers('Pinned', 4);
    await workOff(consumers);
    const [one, two] = consumers.map(streamsOf) as [Set<string>, Set<string>];
    // The first may have begun alone.
    const shared = [...one].filter((stream) => two.has(stream));
    expect(shared.length).toBeLessThanOrEqual(4);
    for (const stream of new Set([...one, ...two])) {
      if (shared.includes(stream)) continue;
      const own = consumers.flatMap(({ seen }) => seen.filter(({ event: shown }) => shown!.streamId === stream));
      const revisions = own.map(({ event: shown }) => Number(shown!.revision));
      expect(revisions).toEqual(Array.from({ length: 10 }, (_, n) => n));
    }
    await Promise.all(consumers.map((consumer) => consumer.leave()));
  });

  it('PinnedByCorrelation keeps a conversation with one consumer', async () => {
    const [stream, conversations] = [`${category()}-1`, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']];
    await raw.create(stream, 'PinnedByCorrelation');
    const consume = () =>
      consuming(server.client.subscribeToPersistentSubscriptionToStream(stream, 'g', { bufferSize: 100 }));
    const consumers = [consume(), consume()];
    await Promise.all(consumers.map(({ confirmed }) => confirmed));
    const events = Array.from({ length: 40 }, (_, n) =>
      jsonEvent({ type: 'E', data: {}, metadata: { $correlationId: conversations[n % conversations.length]! } }),
    );
    await server.client.appendToStream(stream, events);
    await eventually(() => consumers.reduce((sum, { seen }) => sum + seen.length, 0) === 40, 'all have come');
    const [one, two] = consumers.map(
      ({ seen }) =>
        new Set(seen.map(({ event: shown }) => (shown!.metadata as { $correlationId: string }).$correlationId)),
    ) as [Set<string>, Set<string>];
    expect([...one].filter((conversation) => two.has(conversation))).toEqual([]);
    expect(one.size + two.size).toBe(conversations.length);
    await Promise.all(consumers.map((consumer) => consumer.leave()));
  });
});

describe('raw calls', () => {
  it('take times in ticks and strategies by name, and refuse one that there is not', async () => {
    const stream = `${category()}-1`;
    await expect(raw.create(stream, 'Fastest')).rejects.toMatchObject({
      code: 13,
      metadata: expect.objectContaining({}),
      message: expect.stringContaining('there is no consumer strategy "Fastest"'),
    });
    await expect(raw.create(stream, 'RoundRobin', (settings) => settings.setMaxRetryCount(-1))).rejects.toThrow(
      /0 or more/,
    );
    await raw.create(stream, 'RoundRobin');
    const { settings } = await server.client.getPersistentSubscriptionToStreamInfo(stream, 'g');
    expect(settings).toMatchObject({
      messageTimeout: 30_000,
      checkPointAfter: 2000,
      consumerStrategyName: 'RoundRobin',
    });
  });

  it('get ids as they ask for them, and go on listening after they said all they have to say', async () => {
    const stream = `${category()}-1`;
    await server.client.appendToStream(stream, event('A'));
    await raw.create(stream, 'RoundRobin');
    const { call, responses, events } = raw.read(stream, 2);
    await eventually(() => events().length === 1, 'the first event');
    expect(responses[0]!.getSubscriptionConfirmation()!.getSubscriptionId()).toBe(`${stream}::g`);
    const id = events()[0]!.getEvent()!.getId()!;
    expect(id.hasStructured()).toBe(true);
    call.write(new persistent.ReadReq().setAck(new persistent.ReadReq.Ack().setIdsList([id])));
    call.end();
    await server.client.appendToStream(stream, event('B'));
    await eventually(() => events().length === 2, 'the second event');
    call.cancel();
  });

  it('are ended by what makes no sense, with a reason', async () => {
    const stream = `${category()}-1`;
    await raw.create(stream, 'RoundRobin');
    expect(await raw.read(stream, 0).failed).toMatchObject({
      code: 3,
      details: expect.stringContaining('buffer size is 0'),
    });
    const twice = raw.read(stream, 1);
    twice.call.write(new persistent.ReadReq().setOptions(new persistent.ReadReq.Options()));
    expect(await twice.failed).toMatchObject({ code: 3, details: expect.stringContaining('acknowledgements only') });
    const early = raw.call();
    const failed = new Promise<ServiceError>((resolve) => early.on('error', resolve).on('data', () => undefined));
    early.write(new persistent.ReadReq().setAck(new persistent.ReadReq.Ack()));
    expect(await failed).toMatchObject({ code: 3, details: expect.stringContaining('has its options') });
    const bad = raw.read(stream, 1);
    const ack = new persistent.ReadReq.Ack().setIdsList([new shared.UUID().setString('none')]);
    bad.call.write(new persistent.ReadReq().setAck(ack));
    expect(await bad.failed).toMatchObject({ code: 3, details: expect.stringContaining('no UUID') });
    const { connections } = await server.client.getPersistentSubscriptionToStreamInfo(stream, 'g');
    expect(connections).toEqual([]);
  });

  it('pass over acknowledgements of what is not in hand', async () => {
    const stream = `${category()}-1`;
    await raw.create(stream, 'RoundRobin');
    const { call, events } = raw.read(stream, 1);
    call.write(
      new persistent.ReadReq().setAck(new persistent.ReadReq.Ack().setIdsList([new shared.UUID().setString(newId())])),
    );
    await server.client.appendToStream(stream, event('A'));
    await eventually(() => events().length === 1, 'the event');
    call.cancel();
  });

  it('that do not read get no more than a bounded number of events, whatever their buffer size', async () => {
    const stream = `${category()}-1`;
    const large = () => jsonEvent({ type: 'L', data: { x: 'x'.repeat(20_000) } });
    for (let n = 0; n < 20; n += 1) await server.client.appendToStream(stream, Array.from({ length: 40 }, large));
    await raw.create(stream, 'RoundRobin');
    const { call, events, ackAll } = raw.read(stream, 100_000);
    call.pause();
    const inFlight = async () => {
      const { connections } = await server.client.getPersistentSubscriptionToStreamInfo(stream, 'g');
      return connections[0]?.inFlightMessages ?? 0;
    };
    for (let last = -1, now = 0; now === 0 || now !== last; now = await inFlight()) {
      last = now;
      await sleep(500);
    }
    expect(await inFlight()).toBeLessThan(400);
    call.resume();
    const ackAndCount = () => {
      ackAll();
      return events().length;
    };
    await eventually(() => ackAndCount() === 800, 'all events in the end');
    call.cancel();
  });
});
