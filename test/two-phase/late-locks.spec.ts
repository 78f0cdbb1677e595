// A participant that takes its locks when it prepares, beside a store that was only read: what was read stays locked until the
// other has voted, or a third transaction could come between the two and be seen by half. And so of two such participants.
import {
  Participant,
  ServiceParticipant,
  TransactionAborted,
  TransactionCoordinator,
  type TransactionRef,
  type Vote,
} from '@concord/coordination';
import { until } from '../contract/locking/kit.js';
import {
  audit,
  eventsOf,
  inTenant,
  type OpenStore,
  openSide,
  preparedLocks,
  type Side,
  type TestStores,
  twoDatabases,
} from './kit.js';
import { Purse } from './purse.js';

class SlowService extends Participant<string> {
  readonly name = 'slow';
  override readonly locksWithItsVote = true;
  readonly committed: string[] = [];
  private voted = (): void => undefined;
  private asked = (): void => undefined;
  readonly isAsked = new Promise<void>((resolve) => (this.asked = resolve));
  private readonly mayVote = new Promise<void>((resolve) => (this.voted = resolve));

  letVote(): void {
    this.voted();
  }
  async prepare(): Promise<Vote> {
    this.asked();
    await this.mayVote;
    return { vote: 'yes' };
  }
  commit(id: string): Promise<void> {
    this.committed.push(id);
    return Promise.resolve();
  }
  abort(): Promise<void> {
    return Promise.resolve();
  }
  status(): ReturnType<Participant['status']> {
    return Promise.resolve('unknown');
  }
}

let stores: TestStores;
let side: Side;
const slow = new SlowService();
beforeAll(async () => {
  stores = await twoDatabases();
  side = await openSide(stores.urls, { others: [slow] });
});
afterAll(async () => {
  await side.close();
  await stores.drop();
});

it('a store that was read keeps its locks until the late one has voted', async () => {
  const { coordinator } = side;
  const ends: string[] = [];
  const reader = inTenant(() =>
    coordinator.transaction(async (transaction) => {
      await transaction.store('a').read(Purse, 'shared');
      transaction.enlist('slow', 'work');
    }),
  ).then(({ outcome }) => ends.push(outcome));
  await slow.isAsked;
  const writer = inTenant(() =>
    coordinator.transaction(async (transaction) => (await transaction.store('a').load(Purse, 'shared')).move(1n)),
  ).then(() => ends.push('writer'));
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(ends).toEqual([]);
  slow.letVote();
  await Promise.all([reader, writer]);
  expect(ends).toEqual(expect.arrayContaining(['committed', 'writer']));
});

/** A service on one of the stores, which votes when it may. */
class Service extends Participant<bigint> {
  override readonly locksWithItsVote = true;
  readonly votes: string[] = [];
  private readonly service: ServiceParticipant;
  private vote = (): void => undefined;
  private readonly mayVote = new Promise<void>((resolve) => (this.vote = resolve));

  constructor(
    readonly name: string,
    { participant }: OpenStore,
  ) {
    super();
    this.service = new ServiceParticipant(participant, async (amount, store) => {
      const purse = await store.load(Purse, 'of a service');
      if (amount !== '0') purse.move(BigInt(amount as string));
    });
  }

  letVote(): void {
    this.vote();
  }
  async prepare(transaction: TransactionRef, amount: bigint): Promise<Vote> {
    await this.mayVote;
    const vote = await this.service.prepare(transaction, amount.toString());
    this.votes.push(vote.vote);
    return vote;
  }
  commit(id: string): Promise<void> {
    return this.service.commit(id);
  }
  abort(transaction: Parameters<Participant['abort']>[0]): Promise<void> {
    return this.service.abort(transaction);
  }
  status(id: string): ReturnType<Participant['status']> {
    return this.service.status(id);
  }
}

it('of two services, one that only looks keeps its locks until the other has its own', async () => {
  const [looks, changes] = [new Service('looks', side.a), new Service('changes', side.b)];
  const services = new TransactionCoordinator({ database: side.a.database, participants: [looks, changes] });
  const both = inTenant(() =>
    services.transaction(async (transaction) => {
      transaction.enlist('looks', 0n);
      transaction.enlist('changes', 1n);
    }),
  );
  looks.letVote();
  await until('one has voted', () => Promise.resolve(looks.votes.length > 0));
  // It changes both, in between.
  let ended = false;
  const between = inTenant(() =>
    side.coordinator.transaction(async (transaction) => {
      (await transaction.store('a').load(Purse, 'of a service')).move(5n);
      (await transaction.store('b').load(Purse, 'of a service')).move(5n);
    }),
  ).then(() => (ended = true));
  await until('it waits, or is over', async () => ended || (await side.a.locks.waits()).length > 0);
  changes.letVote();
  expect(await both).toMatchObject({ outcome: 'committed', waiting: [] });
  await between;
  expect([looks.votes, changes.votes]).toEqual([['yes'], ['yes']]);
  // What the first has seen, nothing, is what was there for the second.
  expect([await eventsOf(side.a, 'of a service'), await eventsOf(side.b, 'of a service')]).toEqual([[5n], [1n, 5n]]);
  expect([await preparedLocks(side.a), await audit(side, 'of a service')]).toEqual([[], [5n, 6n]]);
});

it('one that lets go of them nevertheless has not agreed', async () => {
  class Careless extends Service {
    override prepare(): Promise<Vote> {
      return Promise.resolve({ vote: 'read-only' });
    }
  }
  const other = new Service('other', side.b);
  other.letVote();
  const participants = [new Careless('careless', side.a), other];
  const services = new TransactionCoordinator({ database: side.a.database, participants });
  const both = inTenant(() =>
    services.transaction(async (transaction) => {
      transaction.enlist('careless', 0n);
      transaction.enlist('other', 1n);
    }),
  );
  await expect(both).rejects.toThrow(TransactionAborted);
  await expect(both).rejects.toMatchObject({ participant: 'careless', reason: { kind: 'refused' } });
  expect(await preparedLocks(side.b)).toEqual([]);
});
