// A transaction over two stores: all of it, or nothing, and nobody sees half of it.
import { CommitUnknown, type Database, TransientConflict } from '@concord/database';
import { failpoints } from '@concord/coordination';
import { InvariantBroken } from '@concord/domain';
import { newId } from '@concord/kernel';
import { until } from '../contract/locking/kit.js';
import {
  audit,
  eventsOf,
  fill,
  inTenant,
  openSide,
  preparedLocks,
  type Side,
  type TestStores,
  transfer,
  twoDatabases,
} from './kit.js';
import { Purse } from './purse.js';

let stores: TestStores;
let here: Side;
let there: Side;

beforeAll(async () => {
  stores = await twoDatabases();
  const settings = { everyMs: 100, graceMs: 200, askAfterMs: 400 };
  [here, there] = [await openSide(stores.urls, settings), await openSide(stores.urls, settings)];
  await here.coordinator.start();
});
afterAll(async () => {
  await Promise.all([here.close(), there.close()]);
  await stores.drop();
});
afterEach(failpoints.clear);

const settled = async (): Promise<void> =>
  until('nothing in doubt, no lock left', async () => {
    const open = await here.coordinator.transactions();
    return open.length === 0 && (await preparedLocks(here.a)).length + (await preparedLocks(here.b)).length === 0;
  });

/** Of the next commit. */
function loseAnswer(database: Database): void {
  const transaction = database.transaction.bind(database);
  database.transaction = async (work) => {
    database.transaction = transaction;
    await transaction(work);
    throw new CommitUnknown('the answer was lost');
  };
}

describe('a transaction over two stores', () => {
  it('commits in both, and leaves nothing behind', async () => {
    await fill(here, 'a', 'plain', 100n);
    const result = await transfer(here, 30n, { from: 'plain', to: 'plain' });
    expect(result).toMatchObject({ outcome: 'committed', waiting: [] });
    expect(await eventsOf(there.a, 'plain')).toEqual([100n, -30n]);
    expect(await eventsOf(there.b, 'plain')).toEqual([30n]);
    await settled();
    const states = { text: `select state, appends from concord.prepared_transactions where state <> 'committed'` };
    expect(await here.b.database.query(states)).toEqual([]);
  });

  it('names its events by the transaction, and says in them which it was', async () => {
    await fill(here, 'a', 'named', 1n);
    const result = await transfer(here, 1n, { from: 'named', to: 'named' });
    const [event] = await inTenant(() => Array.fromAsync(there.b.store.readStream('purse-named')));
    expect(event?.metadata).toMatchObject({ transactionId: result.id, eventVersion: 1 });
  });

  it('aborts as a whole where a rule stands against a part of it', async () => {
    await expect(transfer(here, 5n, { from: 'poor', to: 'poor' })).rejects.toThrow(InvariantBroken);
    expect([await eventsOf(here.a, 'poor'), await eventsOf(here.b, 'poor')]).toEqual([[], []]);
    await fill(here, 'a', 'poor', 5n);
    await settled();
  });

  it('is applied once under the id that the caller gave it', async () => {
    await fill(here, 'a', 'once', 10n);
    const id = newId();
    const runs = await Promise.all(
      [here, there, here, there].map((side) => transfer(side, 2n, { from: 'once', to: 'once', id })),
    );
    expect(runs.map(({ outcome }) => outcome).toSorted()).toEqual(['committed', 'repeated', 'repeated', 'repeated']);
    expect(await transfer(there, 2n, { from: 'once', to: 'once', id })).toEqual({ outcome: 'repeated', id });
    expect(await eventsOf(here.b, 'once')).toEqual([2n]);
    await settled();
  });

  it('is applied once also where only one store is changed', async () => {
    const id = newId();
    const put = () =>
      inTenant(() =>
        here.coordinator.transaction(async (one) => (await one.store('b').load(Purse, 'alone')).move(7n), { id }),
      );
    expect([(await put()).outcome, (await put()).outcome]).toEqual(['committed', 'repeated']);
    expect(await eventsOf(here.b, 'alone')).toEqual([7n]);
  });

  it('tells its own commit from an earlier one under the same id, where the answer to it was lost', async () => {
    const id = newId();
    const put = () => {
      loseAnswer(here.b.database);
      return inTenant(() =>
        here.coordinator.transaction(async (one) => (await one.store('b').load(Purse, 'lost')).move(7n), { id }),
      );
    };
    expect([(await put()).outcome, (await put()).outcome]).toEqual(['committed', 'repeated']);
    expect(await eventsOf(here.b, 'lost')).toEqual([7n]);
  });

  it('takes one phase where one store is changed, and the log of decisions hears nothing', async () => {
    for (const point of ['coordinator.begun', 'participant.prepared', 'coordinator.decided'])
      failpoints.add(`${point}:error`);
    await fill(here, 'b', 'single', 3n);
    const result = await inTenant(() =>
      here.coordinator.transaction(async (one) => {
        const { state } = await one.store('a').read(Purse, 'single');
        (await one.store('b').load(Purse, 'single')).move(state + 1n);
      }),
    );
    expect(result).toMatchObject({ outcome: 'committed' });
    expect(await eventsOf(here.b, 'single')).toEqual([3n, 1n]);
  });

  it('refuses what is decided on what was only read', async () => {
    const work = here.coordinator.transaction.bind(here.coordinator);
    await expect(
      inTenant(() => work(async (one) => (await one.store('a').read(Purse, 'read')).move(1n))),
    ).rejects.toThrow(/loaded with read\(\)/);
    await expect(inTenant(() => work((one) => Promise.resolve(one.store('c'))))).rejects.toThrow(/has a, b/);
  });
});

describe('while a transaction is prepared', () => {
  /** Prepared in both stores, and not decided until the promise is released. */
  async function prepared(id: string): Promise<{ done: Promise<unknown> }> {
    await fill(here, 'a', id, 50n);
    failpoints.add('coordinator.voted:sleep:400');
    const done = transfer(there, 20n, { from: id, to: id });
    await until(
      'both prepared',
      async () => (await preparedLocks(here.a)).length + (await preparedLocks(here.b)).length >= 2,
    );
    return { done };
  }

  it('no reader of the feed or of streams sees its events', async () => {
    const { done } = await prepared('unseen');
    expect([await eventsOf(here.a, 'unseen'), await eventsOf(here.b, 'unseen')]).toEqual([[50n], []]);
    const position = await here.b.store.lastPosition();
    const page = await inTenant(() => here.b.store.readFeed({ after: 0n, limit: 1000 }));
    expect(page.events.filter(({ stream }) => stream === 'purse-unseen')).toEqual([]);
    await done;
    expect(await here.b.store.lastPosition()).toBeGreaterThan(position);
  });

  it('a serializable reader waits for both halves', async () => {
    const { done } = await prepared('whole');
    const seen = audit(here, 'whole');
    expect(await Promise.race([seen, Promise.resolve('waits')])).toBe('waits');
    await done;
    expect(await seen).toEqual([30n, 20n]);
  });

  it('whoever appends past the locks is refused, alone and in a batch, and others are not', async () => {
    const { done } = await prepared('guarded');
    const event = () => ({ id: newId(), type: 'Moved', data: { amount: '1' } });
    const append = (stream: `purse-${string}`, expected: 'any' | 'stream-exists' = 'any') =>
      inTenant(() => here.a.store.append({ stream, expected, events: [event()] }));
    const outcomes = await Promise.allSettled([
      append('purse-guarded'),
      ...Array.from({ length: 5 }, (_, n) => append(`purse-beside${n}`)),
      inTenant(() => here.a.store.tombstoneStream('purse-guarded', 'any')),
      inTenant(() =>
        here.a.store.transaction(async () => {
          await here.a.store.lockAndLoad(['purse-guarded']);
          return here.a.store.append({ stream: 'purse-guarded', expected: 0n, events: [event()] });
        }),
      ),
    ]);
    const refused = outcomes.map((one) => (one.status === 'rejected' ? (one.reason as object).constructor : 'done'));
    const others = Array.from({ length: 5 }, () => 'done');
    expect(refused).toEqual([TransientConflict, ...others, TransientConflict, TransientConflict]);
    await done;
    expect(await eventsOf(here.a, 'guarded')).toEqual([50n, -20n]);
  });

  it('an operator sees it with its age, participants and locks', async () => {
    const { done } = await prepared('listed');
    const [listed, another] = await here.coordinator.transactions();
    expect(another).toBeUndefined();
    expect(listed).toMatchObject({
      state: 'preparing',
      tenant: 'pursers',
      participants: [
        { name: 'a', state: 'prepared' },
        { name: 'b', state: 'prepared' },
      ],
    });
    expect(listed!.ageMs).toBeGreaterThan(0);
    expect(listed!.locks.map(({ stream, mode, prepared: kept }) => [stream, mode, kept])).toEqual([
      ['purse-listed', 'X', true],
      ['purse-listed', 'X', true],
    ]);
    await done;
    await settled();
  });
});

describe('a transaction that conflicts', () => {
  it('with one who appends past the locks votes no, and is run again on what is there then', async () => {
    await fill(here, 'a', 'past', 10n);
    let attempts = 0;
    await inTenant(() =>
      here.coordinator.transaction(async (one) => {
        const [payer, payee] = [await one.store('a').load(Purse, 'past'), await one.store('b').load(Purse, 'past')];
        if ((attempts += 1) === 1) {
          const events = [{ id: newId(), type: 'Moved', data: { amount: '5' } }];
          await here.b.store.append({ stream: 'purse-past', expected: 'any', events });
        }
        payer.move(-1n);
        payee.move(1n + payee.state);
      }),
    );
    expect([attempts, await eventsOf(here.b, 'past')]).toEqual([2, [5n, 6n]]);
  });

  it('with others on the same purses, in any order, comes to its end', async () => {
    await fill(here, 'a', 'hot', 1000n);
    await fill(here, 'b', 'hot', 1000n);
    const one = (n: number) =>
      inTenant(() =>
        [here, there][n % 2]!.coordinator.transaction(async (transaction) => {
          const order = n % 3 ? (['a', 'b'] as const) : (['b', 'a'] as const);
          const [first, second] = [
            await transaction.store(order[0]).load(Purse, 'hot'),
            await transaction.store(order[1]).load(Purse, 'hot'),
          ];
          first.move(-1n);
          second.move(1n);
        }),
      );
    const results = await Promise.all(Array.from({ length: 30 }, (_, n) => one(n)));
    expect(results.filter(({ outcome }) => outcome !== 'committed')).toEqual([]);
    const [a, b] = await audit(there, 'hot');
    expect(a! + b!).toBe(2000n);
    await settled();
  });
});
