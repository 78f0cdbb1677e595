// What is bounded whatever consumers do: how often an event kills one, and how many events are in memory for them.
import { EventStoreDBClient } from '@eventstore/db-client';
import { createTestDatabase } from '@concord/testing';
import { startEventStoreServer } from '../../../apps/eventstore/src/start-server.js';
import { eventually } from '../../fixtures/data-folder.js';
import { alone, consume as consumerOf } from './persistent-alone.js';
import { consuming, typesOf } from './consuming.js';
import { events, fresh, fromStart, subscribed, until } from './persistent-kit.js';
import { rawSubscriptions } from './persistent-raw.js';
import { collect, type ServerUnderTest, startServer } from './server-under-test.js';

let server: ServerUnderTest;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startServer();
});

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

afterAll(async () => {
  await server.close();
});

const reasonOf = (metadata: unknown) => (metadata as { reason: string }).reason;

describe('an event that kills its consumer', () => {
  it('is parked after as many tries as any other, and what was in hand with it is not', async () => {
    const { client, consume, info, parked } = await subscribed(server, ['Killer', 'B'], { maxRetryCount: 2 });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const one = consume();
      const inHand = await one.take(2);
      expect(inHand.map(({ event: shown, retryCount }) => [shown!.type, retryCount])).toEqual([
        ['Killer', attempt],
        ['B', attempt],
      ]);
      await one.leave();
      await until(async () => (await info()).connections.length === 0);
    }
    await until(async () => (await info()).stats.parkedMessageCount === 1n);
    const [link] = await collect(client.readStream(parked, { resolveLinkTos: true }));
    expect(link!.event!.type).toBe('Killer');
    expect(reasonOf(link!.link!.metadata)).toContain('Reached retry count of 2: its consumer went without an answer');
    const two = consume();
    const [b] = await two.take(1);
    expect(b).toMatchObject({ retryCount: 3, event: { type: 'B' } });
    // It has killed nobody: it may be tried again.
    await two.nack('retry', b!);
    expect(typesOf(await two.take(1))).toEqual(['B']);
    await two.leave();
  });

  it('is not what a server that ends, or sends its consumers away, takes it for', async () => {
    const test = await createTestDatabase();
    closing.push(() => test.drop());
    const start = async () => {
      const environment = { LOG_LEVEL: 'silent', EVENTSTORE_PORT: '0' };
      const running = await startEventStoreServer({ url: test.url, environment });
      const client = EventStoreDBClient.connectionString(running.connectionString);
      closing.push(
        () => running.close(),
        () => client.dispose(),
      );
      return { ...running, client };
    };
    const first = await start();
    const stream = fresh();
    await first.client.appendToStream(stream, events('A'));
    await first.client.createPersistentSubscriptionToStream(stream, 'g', fromStart({ maxRetryCount: 0 }));
    const one = consuming(first.client.subscribeToPersistentSubscriptionToStream(stream, 'g'));
    await one.take(1);
    await first.close();
    await one.ended;
    const second = await start();
    const two = consuming(second.client.subscribeToPersistentSubscriptionToStream(stream, 'g'));
    expect(typesOf(await two.take(1))).toEqual(['A']);
    const { stats } = await second.client.getPersistentSubscriptionToStreamInfo(stream, 'g');
    expect(stats.parkedMessageCount).toBe(0n);
    await second.client.deletePersistentSubscriptionToStream(stream, 'g');
    await alone(test.url, {}, async ({ append, begin }) => {
      await append('order-1', 'A');
      const subscription = await begin({ stream: 'order-1', settings: { maxRetryCount: 0 } });
      const sent = consumerOf(subscription);
      await eventually(() => sent.length === 1, 'the event');
      subscription.dispatcher.sendAway(new Error('the database is away'));
      const again = consumerOf(subscription);
      await eventually(() => again.length === 1, 'the event once more');
    });
  });
});

describe('events in memory', () => {
  it('are not as many as consumers that answer nothing say they can take', async () => {
    const raw = rawSubscriptions(server.port);
    const stream = fresh();
    await server.client.appendToStream(stream, events(...Array.from({ length: 100 }, () => 'E')));
    await raw.create(stream, 'RoundRobin', (settings) =>
      settings.setMessageTimeoutTicks('0').setReadBatchSize(10).setHistoryBufferSize(30).setLiveBufferSize(20),
    );
    const info = async () => {
      const { connections, stats } = await server.client.getPersistentSubscriptionToStreamInfo(stream, 'g');
      const inHand = connections.map(({ inFlightMessages }) => inFlightMessages);
      return { inHand, read: stats.readBufferCount + Number(stats.liveBufferCount) };
    };
    const one = raw.read(stream, 2 ** 31 - 1);
    await eventually(() => one.events().length === 30, 'as many as are kept for one');
    // All that is read: nothing more is, until somebody answers.
    await until(async () => (await info()).read === 20);
    expect((await info()).inHand).toEqual([30]);
    const two = raw.read(stream, 2 ** 31 - 1);
    await eventually(() => two.events().length === 20, 'the rest of them');
    expect(await info()).toEqual({ inHand: [30, 20], read: 0 });
    one.ackAll();
    const ackAndCount = () => {
      one.ackAll();
      two.ackAll();
      return one.events().length + two.events().length;
    };
    await eventually(() => ackAndCount() === 100, 'all in the end');
    for (const { call } of [one, two]) call.cancel();
    raw.close();
  });
});
