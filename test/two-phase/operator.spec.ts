// What an operator sees and forces, and what is remembered of it; and what watches when nobody does.
import { Logger } from '@nestjs/common';
import { failpoints, Participant, ResolutionRefused, type Vote } from '@concord/coordination';
import { newId } from '@concord/kernel';
import { until } from '../contract/locking/kit.js';
import { eventsOf, fill, inTenant, openSide, preparedLocks, type Side, type TestStores, twoDatabases } from './kit.js';
import { Purse } from './purse.js';
import { BY, contradicted, stuckAt } from './stuck.js';

/** A service: what it has prepared is out of sight, but it can be asked. */
class Elsewhere extends Participant {
  readonly name = 'elsewhere';
  state: ParticipantState = 'unknown';
  isAway = false;

  prepare(): Promise<Vote> {
    return this.turn<Vote>('prepared', { vote: 'yes' });
  }
  commit(): Promise<void> {
    return this.turn('committed', undefined);
  }
  abort(): Promise<void> {
    return this.turn('aborted', undefined);
  }
  status(): Promise<ParticipantState> {
    return this.turn(this.state, this.state);
  }
  private turn<T>(state: ParticipantState, answer: T): Promise<T> {
    if (this.isAway) return Promise.reject(new Error('it is away'));
    this.state = state;
    return Promise.resolve(answer);
  }
}
type ParticipantState = Awaited<ReturnType<Participant['status']>>;

let stores: TestStores;
let side: Side;
const elsewhere = new Elsewhere();
let errors: string[];

beforeAll(async () => {
  stores = await twoDatabases();
  side = await openSide(stores.urls, {
    others: [elsewhere],
    everyMs: 50,
    graceMs: 0,
    askAfterMs: 60_000,
    patienceMs: 400,
  });
});
beforeEach(() => {
  errors = [];
  Logger.overrideLogger({ log: () => undefined, warn: () => undefined, error: (text: string) => errors.push(text) });
});
afterEach(async () => {
  failpoints.clear();
  await side.coordinator.stop();
});
afterAll(async () => {
  await side.close();
  await stores.drop();
});

async function cleared(): Promise<void> {
  await side.coordinator.start();
  await until('nothing left', async () => (await side.coordinator.transactions()).length === 0);
}

describe('the watch over transactions', () => {
  it('aborts what nobody decided, and never what is decided', async () => {
    const id = await stuckAt(side, 'coordinator.voted', 'watched');
    expect(await side.coordinator.outcome(id)).toBe('preparing');
    const overdue = { text: `update concord.transactions set deadline = now() - interval '1 s'` };
    await side.a.database.query(overdue);
    await cleared();
    expect([await side.coordinator.outcome(id), await eventsOf(side.b, 'watched')]).toEqual(['aborted', []]);

    await side.coordinator.stop();
    const decided = await stuckAt(side, 'coordinator.decided', 'decided');
    await side.a.database.query({ ...overdue, text: `${overdue.text}, next_attempt_at = now()` });
    expect(await side.coordinator.outcome(decided)).toBe('committed');
    await cleared();
    expect(await eventsOf(side.b, 'decided')).toEqual([1n]);
  });
});

describe('an operator', () => {
  it('aborts what is not decided: recorded, and told as an error', async () => {
    const id = await stuckAt(side, 'coordinator.voted', 'forced');
    await expect(side.coordinator.resolve(id, { ...BY, outcome: 'committed' })).rejects.toThrow(ResolutionRefused);
    await expect(side.coordinator.resolve(id, { outcome: 'aborted', by: ' ', reason: '' })).rejects.toThrow(/say who/);
    await side.coordinator.resolve(id, { ...BY, outcome: 'aborted' });
    expect(errors).toEqual([expect.stringContaining(`transaction ${id} was forced to be aborted by an operator`)]);
    const forced = { text: 'select was, outcome, forced_by from concord.forced_resolutions where transaction_id = $1' };
    expect(await side.a.database.query(forced, [id])).toEqual([
      { was: 'preparing', outcome: 'aborted', forced_by: 'an operator' },
    ]);
    await side.a.database.query({ text: 'update concord.transactions set next_attempt_at = now()' });
    await cleared();
    expect([await eventsOf(side.a, 'forced'), await eventsOf(side.b, 'forced')]).toEqual([[10n], []]);
  });

  it('cannot force what is decided to be another, nor what is nowhere', async () => {
    const id = await stuckAt(side, 'coordinator.decided', 'late');
    for (const participant of [undefined, 'a']) {
      const options = { ...BY, outcome: 'aborted' as const, ...(participant && { participant }) };
      await expect(side.coordinator.resolve(id, options)).rejects.toThrow(ResolutionRefused);
    }
    const nowhere = side.coordinator.resolve(newId(), { ...BY, outcome: 'aborted', participant: 'a' });
    await expect(nowhere).rejects.toThrow(/nothing to resolve/);
    await side.a.database.query({ text: 'update concord.transactions set next_attempt_at = now()' });
    await cleared();
    expect(await eventsOf(side.a, 'late')).toEqual([10n, -1n]);
  });

  it('has a participant forget only what it says itself that it knows: one that is away is told when it is back', async () => {
    await fill(side, 'a', 'elsewhere', 10n);
    failpoints.add('coordinator.decided:error');
    const moved = inTenant(() =>
      side.coordinator.transaction(async (transaction) => {
        (await transaction.store('a').load(Purse, 'elsewhere')).move(-1n);
        transaction.enlist('elsewhere', 'work');
      }),
    );
    await moved.catch(() => undefined);
    failpoints.clear();
    const [decided] = await side.coordinator.transactions();
    const id = decided?.id ?? '';
    const options = { ...BY, outcome: 'committed' as const, participant: 'elsewhere' };
    elsewhere.isAway = true;
    await expect(side.coordinator.resolve(id, options)).rejects.toThrow(/is away/);
    expect(await side.coordinator.transactions()).toMatchObject([
      { participants: [{ name: 'a' }, { name: 'elsewhere', state: 'waiting' }] },
    ]);
    elsewhere.isAway = false;
    await side.coordinator.resolve(id, options);
    expect(elsewhere.state).toBe('committed');
    await cleared();
    expect(await eventsOf(side.a, 'elsewhere')).toEqual([10n, -1n]);
  });

  it('settles a participant whose log of decisions is lost; who was told otherwise before raises an alarm', async () => {
    const id = await contradicted(side, 'lost');
    expect(await preparedLocks(side.b)).toEqual([]);
    await side.coordinator.start();
    await until('an alarm', () => errors.some((one) => one.includes('is committed at "b" and was to be aborted')));
    await until('a is settled', async () => (await preparedLocks(side.a)).length === 0);
    // Put right by hand, and said so.
    await side.coordinator.resolve(id, { ...BY, outcome: 'aborted', participant: 'b' });
    await cleared();
    expect([await eventsOf(side.a, 'lost'), await eventsOf(side.b, 'lost')]).toEqual([[10n], [1n]]);
  });
});

it('a failpoint that would never be reached is refused', () => {
  for (const spec of ['coordinator.decide:kill', 'coordinator.decided', 'coordinator.decided:explode']) {
    expect(() => failpoints.add(spec)).toThrow(/is no failpoint/);
  }
  expect(new Set(failpoints.names).size).toBe(failpoints.names.length);
});
