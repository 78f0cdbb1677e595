// KurrentDB as a participant, beside PostgreSQL: over apps/eventstore, which speaks its protocol.
import { failpoints, KurrentParticipant, TransactionCoordinator } from '@concord/coordination';
import { type EventStore, openKurrentEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { createTestDatabase } from '@concord/testing';
import { startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { until } from '../contract/locking/kit.js';
import { inTenant, openStore, preparedLocks } from './kit.js';
import { Purse } from './purse.js';

let closing: (() => Promise<void>)[] = [];
let a: Awaited<ReturnType<typeof openStore>>;
/** What keeps the locks and prepared events of the store on KurrentDB. */
let k: Awaited<ReturnType<typeof openStore>>;
let kurrent: EventStore;
let coordinator: TransactionCoordinator;

beforeAll(async () => {
  const [one, behind, beside] = await Promise.all([1, 2, 3].map(() => createTestDatabase()));
  const server = await startEventStoreServer({
    url: behind!.url,
    environment: { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' },
  });
  a = await openStore('a', one!.url);
  k = await openStore('beside', beside!.url);
  kurrent = await openKurrentEventStore(server.connectionString, { database: k.database, hearOthers: false });
  const participant = new KurrentParticipant({ name: 'k', database: k.database, store: kurrent, locks: k.locks });
  coordinator = new TransactionCoordinator({
    database: a.database,
    participants: [a.participant, participant],
    everyMs: 50,
    graceMs: 0,
    patienceMs: 2000,
  });
  closing = [() => coordinator.stop(), () => kurrent.close(), () => server.close(), () => a.close(), () => k.close()];
  closing.push(one!.drop, behind!.drop, beside!.drop);
}, 60_000);
afterAll(async () => {
  for (const close of closing) await close();
});
afterEach(failpoints.clear);

const amounts = async (store: EventStore, id: string): Promise<string[]> => {
  const events = await inTenant(() => Array.fromAsync(store.readStream(`purse-${id}`)));
  return events.map(({ data }) => (data as { amount: string }).amount);
};

/** From PostgreSQL to two purses in KurrentDB, which cannot append to both at once. */
function pay(purse: string, id = newId()) {
  return inTenant(() =>
    coordinator.transaction(
      async (transaction) => {
        (await transaction.store('a').load(Purse, purse)).move(2n);
        (await transaction.store('k').load(Purse, purse)).move(1n);
        (await transaction.store('k').load(Purse, `${purse}2`)).move(1n);
      },
      { id },
    ),
  );
}

it('two stores do not share the database of their locks', () => {
  const { database } = a;
  const participants = [a.participant, new KurrentParticipant({ name: 'k', database, store: kurrent, locks: a.locks })];
  expect(() => new TransactionCoordinator({ database, participants })).toThrow(/a database of its own/);
});

describe('a transaction over PostgreSQL and KurrentDB', () => {
  it('commits in both, once', async () => {
    const id = newId();
    expect(await pay('both', id)).toMatchObject({ outcome: 'committed', waiting: [] });
    expect((await pay('both', id)).outcome).toBe('repeated');
    expect([await amounts(a.store, 'both'), await amounts(kurrent, 'both'), await amounts(kurrent, 'both2')]).toEqual([
      ['2'],
      ['1'],
      ['1'],
    ]);
    expect([await preparedLocks(a), await preparedLocks(k)]).toEqual([[], []]);
  });

  it('is committed by who recovers, once, wherever its commit broke off', async () => {
    for (const [n, point] of ['participant.commit-received', 'participant.committed'].entries()) {
      failpoints.add(`${point}:error`);
      const result = await pay(`broken${n}`);
      expect(result).toMatchObject({ outcome: 'committed', waiting: expect.arrayContaining(['a', 'k']) });
      failpoints.clear();
      await coordinator.start();
      await until('told', async () => (await coordinator.transactions()).length === 0);
      expect([await amounts(a.store, `broken${n}`), await amounts(kurrent, `broken${n}2`)]).toEqual([['2'], ['1']]);
      await coordinator.stop();
    }
  });

  it('runs again on what is there, where somebody appended past the locks before the prepare', async () => {
    let attempts = 0;
    await inTenant(() =>
      coordinator.transaction(async (transaction) => {
        const [here, there] = [
          await transaction.store('a').load(Purse, 'raced'),
          await transaction.store('k').load(Purse, 'raced'),
        ];
        if ((attempts += 1) === 1) {
          const events = [{ id: newId(), type: 'Moved', data: { amount: '5' } }];
          await kurrent.append({ stream: 'purse-raced', expected: 'any', events });
        }
        here.move(1n);
        there.move(there.state);
      }),
    );
    expect([attempts, await amounts(kurrent, 'raced'), await amounts(a.store, 'raced')]).toEqual([
      2,
      ['5', '5'],
      ['1'],
    ]);
  });
});
