// The durable catch-up subscription on PostgreSQL: where it begins, what state it is in, how often its handler runs.
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordedEvent } from '@concord/kernel';
import { Consumer, type ConsumerFailure, type ConsumerOptions, type ConsumerStateChange } from '@concord/subscriptions';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { appendTo, type Node, openNode, tables, until } from '../fixtures/group-member.js';

let testDatabase: TestDatabase;
let node: Node;
let consumers: Consumer[] = [];

beforeEach(async () => {
  testDatabase = await createTestDatabase();
  await withClient(testDatabase.url, (client) => client.query(tables));
  node = await openNode({ url: testDatabase.url, eventsUrl: testDatabase.url });
  consumers = [];
});
afterEach(async () => {
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  await node.close();
  await testDatabase.drop();
});

function consume(options: Omit<ConsumerOptions, 'name' | 'start'>): Consumer {
  const consumer = new Consumer(node.store, node.database, { name: 'spec', ...options });
  consumers.push(consumer);
  consumer.start();
  return consumer;
}

const insert = { text: 'insert into spec.handled (tenant_id, event_id) values ($1, $2)' };
const written = async (): Promise<string[]> =>
  (await node.database.query<{ event_id: string }>({ text: 'select event_id from spec.handled order by n' })).map(
    (row) => row.event_id,
  );
const write = async (events: readonly RecordedEvent[]): Promise<void> => {
  for (const event of events) await node.database.query(insert, [event.metadata.tenantId, event.id]);
};

it('tells when a tenant has caught up, and when it has fallen behind', async () => {
  await appendTo(node.store, 't', ['order-1'], 5);
  const changes: ConsumerStateChange[] = [];
  const consumer = consume({ handle: write, batchSize: 2, onState: (change) => changes.push(change) });
  expect(consumer.stateOf('t')).toBe('catching-up');
  await until('live', () => consumer.stateOf('t') === 'live');
  expect(changes.map(({ state }) => state)).toEqual(['catching-up', 'live']);
  expect(await written()).toHaveLength(5);
  await appendTo(node.store, 't', ['order-1', 'order-2', 'order-3'], 1);
  await until('all', async () => (await written()).length === 8);
  await until('live again', () => consumer.stateOf('t') === 'live');
  expect(changes.map(({ state }) => state)).toEqual(['catching-up', 'live', 'catching-up', 'live']);
});

it('begins after a position, or now; the latter also for what came while it was down', async () => {
  const ids = await appendTo(node.store, 't', ['order-1'], 4);
  const late = consume({ handle: write, from: 2n });
  await until('two', async () => (await written()).length === 2);
  expect(await written()).toEqual(ids.slice(2));
  await late.stop();

  const now = { name: 'now', handle: write, from: 'now' } as const;
  const first = consume(now);
  const startIsKept = { text: `select 1 as kept from concord.checkpoints where subscription = 'now'` };
  await until('its start is kept', async () => (await node.database.query(startIsKept)).length > 0);
  await first.stop();
  const [missed] = await appendTo(node.store, 'new', ['order-1'], 1);
  consume(now);
  await until('the missed one', async () => (await written()).length === 3);
  expect((await written()).at(-1)).toBe(missed);
});

it('exactly once in the database: what a failed batch has done is rolled back with it', async () => {
  const ids = await appendTo(node.store, 't', ['order-1'], 6);
  let faults = 2;
  const failures: ConsumerFailure[] = [];
  consume({
    onFailure: (failure) => failures.push(failure),
    handle: async (events) => {
      await write(events);
      if (faults-- > 0) throw new Error('not yet');
    },
  });
  await until('all', async () => (await written()).length === 6);
  expect(await written()).toEqual(ids);
  expect(failures.map(({ attempts }) => attempts)).toEqual([1, 2]);
});

it('exactly once in the database, in order, however many processes run it: one at a time holds the checkpoint', async () => {
  const ids = await appendTo(node.store, 't', ['order-1'], 40);
  const others = await Promise.all([1, 2].map(() => openNode({ url: testDatabase.url, eventsUrl: testDatabase.url })));
  const all = [node, ...others].map(({ store, database }) => {
    const handle = async (events: readonly RecordedEvent[]): Promise<void> => {
      await sleep(Math.random() * 10);
      for (const event of events) await database.query(insert, [event.metadata.tenantId, event.id]);
      await sleep(Math.random() * 10);
    };
    return new Consumer(store, database, { name: 'shared', batchSize: 3, handle });
  });
  for (const consumer of all) consumer.start();
  ids.push(...(await appendTo(node.store, 't', ['order-1'], 20)));
  await until('all', async () => (await written()).length >= ids.length);
  await Promise.all(all.map((consumer) => consumer.stop()));
  await Promise.all(others.map((other) => other.close()));
  expect(await written()).toEqual(ids);
});

it('at least once: outside of any transaction, and again after a fault', async () => {
  const ids = await appendTo(node.store, 't', ['order-1'], 3);
  let faults = 1;
  const inTransaction: boolean[] = [];
  const consumer = consume({
    delivery: 'at-least-once',
    handle: async (events) => {
      inTransaction.push(node.database.current !== undefined);
      await write(events);
      if (faults-- > 0) throw new Error('not yet');
    },
  });
  await until('live', () => consumer.stateOf('t') === 'live');
  expect(await written()).toEqual([...ids, ...ids]);
  expect(inTransaction).toEqual([false, false]);
});

it('ends after the batch in hand', async () => {
  await appendTo(node.store, 't', ['order-1'], 4);
  let finish = (): void => undefined;
  const inHand = new Promise<void>((begun) => {
    const held = new Promise<void>((resolve) => (finish = resolve));
    consume({
      batchSize: 2,
      handle: async (events) => {
        begun();
        await held;
        await write(events);
      },
    });
  });
  await inHand;
  const stopped = consumers[0]!.stop();
  finish();
  await stopped;
  expect(await written()).toHaveLength(2);
});
