// Who may hand out and keep, at the moments that no kill hits: an owner that was followed and has not heard of it, and one
// whose clock says that its lease is over before its timers do.
import { EventStoreDBClient } from '@eventstore/db-client';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore, StoredEvents } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { Checkpoints } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { Consumer } from '../../../apps/eventstore/src/persistent/consumer.js';
import type { Message } from '../../../apps/eventstore/src/persistent/message.js';
import { PersistentSubscription } from '../../../apps/eventstore/src/persistent/subscription.js';
import { Wake } from '../../../apps/eventstore/src/reading/wake.js';
import { type RunningServer, startEventStoreServer } from '../../../apps/eventstore/src/start-server.js';
import { eventually } from '../../fixtures/data-folder.js';
import { consuming } from './consuming.js';
import { fromStart, until } from './persistent-kit.js';
import { collect, event, TENANT } from './server-under-test.js';

let test: TestDatabase;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  test = await createTestDatabase();
});

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await test.drop();
});

async function server(leaseMs: number): Promise<RunningServer & { client: EventStoreDBClient }> {
  const environment = { LOG_LEVEL: 'silent', EVENTSTORE_PORT: '0', EVENTSTORE_LEASE_MS: `${leaseMs}` };
  const running = await startEventStoreServer({ url: test.url, environment });
  const client = EventStoreDBClient.connectionString(running.connectionString);
  closing.push(
    () => running.close(),
    () => client.dispose(),
  );
  return { ...running, client };
}

const HOUR = 600_000;
const settings = fromStart({ messageTimeout: 0, checkPointUpperBound: 1 });
const sql = (text: string) =>
  withClient(test.url, async (client) => (await client.query<Record<string, unknown>>(text)).rows);

it('an owner that was followed keeps nothing: no checkpoint, nothing parked, no settings; and ends its consumers', async () => {
  const [old, next] = [await server(HOUR), await server(HOUR)];
  await old.client.appendToStream(
    'order-1',
    ['A', 'B', 'C', 'D'].map((type) => event(type)),
  );
  const groups = ['acks', 'parks', 'makes'];
  for (const group of groups) await old.client.createPersistentSubscriptionToStream('order-1', group, settings);
  const consumers = groups.map((group) =>
    consuming(old.client.subscribeToPersistentSubscriptionToStream('order-1', group, { bufferSize: 1 })),
  );
  for (const consumer of consumers) await consumer.take(1);
  await sql('update concord.group_members set expires_at = now()');
  // The next one is the owner from its first heartbeat on; the old one hears of that by its own next one, in minutes.
  await next.client.getPersistentSubscriptionToStreamInfo('order-1', 'acks');
  const [acks, parks, makes] = consumers as [
    (typeof consumers)[number],
    (typeof consumers)[number],
    (typeof consumers)[number],
  ];
  await acks.ack(acks.seen[0]!);
  expect(await acks.ended).toMatchObject({ type: 'unavailable' });
  expect(await sql(`select * from concord.checkpoints where subscription like 'persistent%'`)).toEqual([]);
  expect(await parks.ended).toMatchObject({ type: 'unavailable' });
  expect(await makes.ended).toMatchObject({ type: 'unavailable' });
  const late = EventStoreDBClient.connectionString(old.connectionString);
  closing.push(() => late.dispose());
  await expect(late.deletePersistentSubscriptionToStream('order-1', 'acks')).rejects.toMatchObject({
    type: 'not-leader',
  });
  expect(await next.client.listPersistentSubscriptionsToStream('order-1')).toHaveLength(3);
});

it.each([
  ['parks', async (one: ReturnType<typeof consuming>) => one.nack('park', one.seen[0]!)],
  [
    'makes',
    async (_one: ReturnType<typeof consuming>, client: EventStoreDBClient) =>
      client.createPersistentSubscriptionToStream('order-1', 'late', settings).catch((error: unknown) => {
        expect(error).toMatchObject({ type: 'unavailable' });
      }),
  ],
] as const)('an owner that was followed, and %s something, is refused', async (_, act) => {
  const [old, next] = [await server(HOUR), await server(HOUR)];
  await old.client.appendToStream('order-1', [event('A'), event('B')]);
  await old.client.createPersistentSubscriptionToStream('order-1', 'g', settings);
  const one = consuming(old.client.subscribeToPersistentSubscriptionToStream('order-1', 'g', { bufferSize: 1 }));
  await one.take(1);
  await sql('update concord.group_members set expires_at = now()');
  await next.client.getPersistentSubscriptionToStreamInfo('order-1', 'g');
  await act(one, old.client);
  expect(await one.ended).toMatchObject({ type: 'unavailable' });
  const parked = '$persistentsubscription-order-1::g-parked';
  await expect(collect(next.client.readStream(parked))).rejects.toMatchObject({ type: 'stream-not-found' });
  const left = await next.client.listPersistentSubscriptionsToStream('order-1');
  expect(left.map(({ groupName }) => groupName)).toEqual(['g']);
});

it('hands out nothing while it may not, and goes on when it may again', async () => {
  const open: OpenDatabase = await openDatabase({ url: test.url, poolSize: 4 });
  closing.push(() => open.close());
  const { database } = open;
  const [store, stored] = [new PostgresEventStore(database), new StoredEvents(database)];
  const wake = new Wake(store, stored);
  let may = true;
  await runInTenant(TENANT, async () => {
    const stream = 'order-1' as StreamName;
    const append = (type: string) =>
      store.append({ stream, expected: 'any', events: [{ id: newId(), type, data: {} }] });
    await append('A');
    const parts = {
      store,
      stored,
      wake,
      checkpoints: new Checkpoints(database),
      fenced: <T>(work: () => Promise<T>) => store.transaction(work),
      mayResolve: () => Promise.resolve(true),
      isOwner: () => may,
    };
    const asked = {
      resolveLinks: false,
      checkpointAfter: 0,
      minCheckpointCount: 1,
      maxCheckpointCount: 100,
      maxSubscriberCount: 0,
    };
    const sizes = { liveBufferSize: 10, readBatchSize: 10, historyBufferSize: 20, messageTimeout: 0, maxRetryCount: 1 };
    const definition = {
      stream,
      group: 'g',
      startFrom: 0n,
      startsAt: 0n,
      settings: { ...asked, ...sizes, extraStatistics: false, strategy: 'RoundRobin' },
    } as const;
    const subscription = new PersistentSubscription(parts, definition);
    await subscription.start();
    const sent: Message[] = [];
    const who = {
      bufferSize: 10,
      user: 'u',
      from: 'f',
      connectionName: 'c',
      isClogged: () => false,
      end: () => undefined,
    };
    subscription.dispatcher.connect(new Consumer({ ...who, send: (message) => sent.push(message) }));
    await eventually(() => sent.length === 1, 'the first event');
    may = false;
    await append('B');
    await until(async () => subscription.dispatcher.waiting === 1);
    subscription.dispatcher.ack([sent[0]!.id]);
    expect(sent).toHaveLength(1);
    may = true;
    await eventually(() => sent.length === 2, 'the second event');
    await subscription.stop(new Error('over'));
  });
  wake.stop();
});
