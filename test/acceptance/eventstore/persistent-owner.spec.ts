// Who may hand out and keep, at the moments that no kill hits: an owner that was followed and has not heard of it, and one
// whose clock says that its lease is over before its timers do.
import { EventStoreDBClient } from '@eventstore/db-client';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { type RunningServer, startEventStoreServer } from '../../../apps/eventstore/src/start-server.js';
import { eventually } from '../../fixtures/data-folder.js';
import { alone, consume } from './persistent-alone.js';
import { consuming } from './consuming.js';
import { fromStart, until } from './persistent-kit.js';
import { collect, event } from './server-under-test.js';

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
  let may = true;
  await alone(test.url, { isOwner: () => may }, async ({ append, begin }) => {
    await append('order-1', 'A');
    const subscription = await begin({ stream: 'order-1' });
    const sent = consume(subscription);
    await eventually(() => sent.length === 1, 'the first event');
    may = false;
    await append('order-1', 'B');
    await until(async () => subscription.dispatcher.waiting === 1);
    subscription.dispatcher.ack([sent[0]!.id]);
    expect(sent).toHaveLength(1);
    may = true;
    await eventually(() => sent.length === 2, 'the second event');
  });
});
