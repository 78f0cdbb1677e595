// KurrentDB as a participant, beside PostgreSQL: over apps/eventstore, which speaks its protocol.
import { failpoints, KurrentParticipant, TransactionCoordinator } from '@concord/coordination';
import { type EventStore, openKurrentEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { createTestDatabase } from '@concord/testing';
import { startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { until } from '../contract/locking/kit.js';
import { inTenant, openStore, preparedLocks, TENANT } from './kit.js';
import { Purse } from './purse.js';

let closing: (() => Promise<void>)[] = [];
let a: Awaited<ReturnType<typeof openStore>>;
/** What keeps the locks and prepared events of the store on KurrentDB. */
let k: Awaited<ReturnType<typeof openStore>>;
/** The same in another process. */
let twin: typeof k;
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
  twin = await openStore('beside', beside!.url);
  kurrent = await openKurrentEventStore(server.connectionString, { database: k.database, hearOthers: false });
  const participant = new KurrentParticipant({ name: 'k', database: k.database, store: kurrent, locks: k.locks });
  coordinator = new TransactionCoordinator({
    database: a.database,
    participants: [a.participant, participant],
    everyMs: 50,
    graceMs: 0,
    patienceMs: 2000,
  });
  closing = [() => coordinator.stop(), () => kurrent.close(), () => server.close(), () => a.close()];
  closing.push(
    () => k.close(),
    () => twin.close(),
    one!.drop,
    behind!.drop,
    beside!.drop,
  );
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

describe('the commit of what another process has in hand', () => {
  const participantOf = ({ database, locks }: typeof k, store = kurrent): KurrentParticipant =>
    new KurrentParticipant({ name: 'k', database, store, locks });

  /** Votes yes to a move. */
  async function prepareAt(participant: KurrentParticipant, purse: string) {
    const id = newId();
    const ref = { id, tenant: TENANT, coordinator: 'one', age: { started: 1n, origin: id }, patienceMs: 2000 };
    const session = participant.open(ref.age);
    await inTenant(async () => {
      (await session.load(Purse, purse)).move(1n);
      expect(await participant.prepare(ref, session.work(newId, {}))).toEqual({ vote: 'yes' });
    });
    return ref;
  }

  /** A store that says when it is asked to append, and waits. */
  function gated() {
    let [asked, open] = [() => {}, () => {}];
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const isOpen = new Promise<void>((resolve) => (open = resolve));
    const append = async (...requests: Parameters<EventStore['append']>) => {
      asked();
      await isOpen;
      return kurrent.append(...requests);
    };
    return { store: Object.create(kurrent, { append: { value: append } }) as EventStore, isAsked, open };
  }

  const isWaiting = (): Promise<void> =>
    until('the other waits for the row', async () => {
      const text = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      return (await k.database.queryOutside({ text })).length > 0;
    });

  it('appends nothing of what was aborted there', async () => {
    const here = participantOf(k);
    const ref = await prepareAt(here, 'dropped');
    await participantOf(twin).abort(ref);
    await expect(here.commit(ref.id)).rejects.toMatchObject({ code: 'outcome-contradicted' });
    expect([await amounts(kurrent, 'dropped'), await preparedLocks(k)]).toEqual([[], []]);
  });

  it('lets nobody abort it while it appends', async () => {
    const { store, isAsked, open } = gated();
    const here = participantOf(k, store);
    const ref = await prepareAt(here, 'appending');
    const committed = here.commit(ref.id);
    await isAsked;
    const aborted = expect(participantOf(twin).abort(ref)).rejects.toMatchObject({ code: 'outcome-contradicted' });
    await isWaiting();
    open();
    await Promise.all([committed, aborted]);
    expect([await amounts(kurrent, 'appending'), await here.status(ref.id)]).toEqual([['1'], 'committed']);
  });

  it('is done once, where both are told of it', async () => {
    const { store, isAsked, open } = gated();
    const here = participantOf(k, store);
    const ref = await prepareAt(here, 'both-told');
    const committed = here.commit(ref.id);
    await isAsked;
    const again = participantOf(twin).commit(ref.id);
    await isWaiting();
    open();
    await Promise.all([committed, again]);
    expect([await amounts(kurrent, 'both-told'), await preparedLocks(k)]).toEqual([['1'], []]);
  });
});
