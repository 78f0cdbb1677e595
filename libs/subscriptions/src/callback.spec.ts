// What a user's callback throws is told, and ends neither the group, nor its heart, nor the consumer that calls it.
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { MemoryEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { callback } from './callback.js';
import { Consumer, type ConsumerOptions } from './consumer.js';
import { PostgresConsumerGroups } from './groups/postgres-consumer-groups.js';
import { SoleOwner } from './groups/sole-owner.js';

let test: TestDatabase;
let opened: OpenDatabase;
let store: MemoryEventStore;
const warnings: string[] = [];
const ends: (() => Promise<void>)[] = [];
// Jest's process hears no warnings of its own.
const emitWarning = process.emitWarning.bind(process);
const hear = (text: string | Error, name?: unknown): void => {
  warnings.push(`${String(name)}: ${String(text).split('\n')[0]}`);
};

beforeAll(async () => {
  test = await createTestDatabase();
  opened = await openDatabase({ url: test.url });
});
afterAll(async () => {
  await opened.close();
  await test.drop();
});
beforeEach(() => {
  store = new MemoryEventStore();
  warnings.length = 0;
  process.emitWarning = hear;
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  process.emitWarning = emitWarning;
});

const thrower = (): never => {
  throw new Error('in the callback');
};

async function append(): Promise<void> {
  const event = { id: newId(), type: 'Happened', data: {} };
  await runInTenant('t', () => store.append({ stream: 'order-1', expected: 'any', events: [event] }));
}

async function until(check: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!check()) {
    if (Date.now() > deadline) throw new Error('it did not go on');
    await sleep(10);
  }
}

/** Takes the table away from heartbeats for so long as it needs. */
async function withoutHeartbeats(what: () => Promise<void>): Promise<void> {
  const { database } = opened;
  await database.queryOutside({ text: 'alter table concord.group_members rename to gone' });
  try {
    await what();
  } finally {
    await database.queryOutside({ text: 'alter table concord.gone rename to group_members' });
  }
}

it('is called at once, with what it is given; what it throws or rejects with is a warning', async () => {
  const given: number[] = [];
  const call = callback((one: number, other: number) => {
    given.push(one, other);
    if (other > 2) throw new Error('thrown');
    return Promise.reject(new Error('rejected'));
  }, 'Spec');
  call(1, 2);
  call(3, 4);
  expect(given).toEqual([1, 2, 3, 4]);
  await until(() => warnings.length === 2);
  expect(warnings.sort()).toEqual(['Spec: Error: rejected', 'Spec: Error: thrown']);
});

it('a group goes on, and its heart beats on', async () => {
  const groups = new PostgresConsumerGroups(store, opened.database);
  let attempts = 0;
  let signals = 0;
  const options = {
    name: 'spec',
    slices: 1,
    delivery: 'at-least-once',
    leaseMs: 500,
    retry: { firstMs: 10, mostMs: 10 },
  } as const;
  const handle = async (): Promise<void> => {
    attempts += 1;
    if (attempts === 1) throw new Error('not yet');
    await Promise.resolve();
  };
  const member = await groups.join(options, handle, () => {
    signals += 1;
    return thrower();
  });
  ends.push(() => member.leave());
  await append();
  await until(() => attempts === 2);
  expect(warnings).toEqual(['ConcordOnFailure: Error: in the callback']);
  const before = signals;
  await withoutHeartbeats(() => until(() => signals > before && member.slices.length === 0));
  await until(() => member.slices.length === 1);
  await append();
  await until(() => attempts === 3);
});

it('a sole owner is one again after it was none', async () => {
  let lost = 0;
  const owner = new SoleOwner(opened.database, {
    name: 'sole',
    label: 'x',
    leaseMs: 500,
    onLost: () => {
      lost += 1;
      return thrower();
    },
    onFailure: thrower,
  });
  ends.push(() => owner.leave());
  await owner.start();
  await withoutHeartbeats(() => until(() => lost > 0));
  await until(() => owner.isOwner);
});

it('a consumer goes on: neither its failures nor its states are the database’s', async () => {
  let attempts = 0;
  const reported: unknown[] = [];
  const options: ConsumerOptions = {
    name: 'spec',
    handle: () => {
      attempts += 1;
      return attempts === 1 ? Promise.reject(new Error('not yet')) : Promise.resolve();
    },
    onFailure: (failure) => {
      reported.push(failure.error);
      return thrower();
    },
    onState: thrower,
  };
  const consumer = new Consumer(store, opened.database, options);
  ends.push(() => consumer.stop());
  consumer.start();
  await append();
  await until(() => consumer.stateOf('t') === 'live');
  await append();
  await until(() => attempts === 3);
  expect(reported).toEqual([new Error('not yet')]);
  expect(new Set(warnings)).toEqual(
    new Set(['ConcordOnFailure: Error: in the callback', 'ConcordOnState: Error: in the callback']),
  );
});
