// `concord transactions` as a process: what it shows of transactions in doubt, and what comes of an operator's word.
import { Logger } from '@nestjs/common';
import { failpoints, TransactionCoordinator } from '@concord/coordination';
import { newId } from '@concord/kernel';
import { until } from '../../../../test/contract/locking/kit.js';
import { concord } from '../../../../test/fixtures/concord-cli.js';
import { startTelemetry, type Telemetry } from '../../../../test/fixtures/telemetry.js';
import {
  eventsOf,
  openSide,
  preparedLocks,
  type Side,
  type TestStores,
  twoDatabases,
} from '../../../../test/two-phase/kit.js';
import { stuckAt } from '../../../../test/two-phase/stuck.js';

const WHY = ['--reason', 'its disk is lost', '--by', 'ada'];
const SLOW = { everyMs: 50, graceMs: 60_000, askAfterMs: 60_000, patienceMs: 2000 };

let telemetry: Telemetry;
let stores: TestStores;
let side: Side;
let errors: string[];

beforeAll(() => (telemetry = startTelemetry()));
afterAll(() => telemetry.stop());
beforeEach(async () => {
  stores = await twoDatabases();
  side = await openSide(stores.urls, SLOW);
  errors = [];
  Logger.overrideLogger({ log: () => undefined, warn: () => undefined, error: (text: string) => errors.push(text) });
});
afterEach(async () => {
  failpoints.clear();
  await side.close();
  await stores.drop();
});

const run = (...args: string[]) => concord(stores.urls[0], 'transactions', ...args);
const runOnBoth = (...args: string[]) => run(...args, '--also', stores.urls[1]);
const forcedIn = ({ database }: Side['a']) =>
  database.query<{ outcome: string }>({
    text: `select participant, was, outcome, forced_by, reason, overruled, applied_at is not null as applied,
      alarmed_at is not null as alarmed from concord.forced_resolutions`,
  });

/** As one that has the store b, and to whom the coordinator of what is prepared there does not answer. */
async function withOwnerOfB(work: () => Promise<void>): Promise<void> {
  const { database, participant } = side.b;
  const other = new TransactionCoordinator({ name: 'other', database, participants: [participant], ...SLOW });
  await other.start();
  try {
    await work();
  } finally {
    await other.stop();
  }
}

describe('concord transactions', () => {
  it('shows age, participants with their votes, and locks: as a table, and as JSON', async () => {
    expect(await run()).toEqual({ code: 0, out: 'Transactions: none\n', err: '' });
    const id = await stuckAt(side, 'coordinator.voted', 'shown');
    const shown = await runOnBoth();
    expect(shown).toMatchObject({ code: 0, err: '' });
    expect(shown.out).toMatch(new RegExp(`${id} +pursers +preparing +\\d+\\.\\d s +concord +0`));
    expect(shown.out).toMatch(new RegExp(`${id} +a +yes +prepared\\n${id} +b +yes +prepared`));
    expect(shown.out).toMatch(new RegExp(`${id} +purse-shown +X +\\d+\\n${id} +purse-shown +X +\\d+`));
    // The vote of b is in the database of b.
    const { transactions } = JSON.parse((await run('--json')).out);
    expect(transactions).toMatchObject([
      {
        id,
        state: 'preparing',
        participants: [
          { name: 'a', vote: 'yes', state: 'prepared' },
          { name: 'b', vote: 'unknown', state: 'waiting' },
        ],
        locks: [{ stream: 'purse-shown', mode: 'X', prepared: true }],
      },
    ]);
    expect(await run('--older-than', '3600')).toMatchObject({ code: 0, out: 'Transactions: none\n' });
    expect(await run('--tenant', 'others')).toMatchObject({ code: 0, out: 'Transactions: none\n' });
  });

  it('a wrong use ends with 2, and says what is wrong', async () => {
    const uses: [string, ...string[]][] = [
      ['give seconds, from 0 to', '--older-than', 'an hour'],
      ["missing required argument 'outcome'", 'resolve', newId(), ...WHY],
      ["value 'undo' is invalid for argument 'outcome'", 'resolve', newId(), 'undo', ...WHY],
      ['"4711" is no id of a transaction', 'resolve', '4711', 'abort', ...WHY],
      ['say who resolves it', 'resolve', newId(), 'abort', '--reason', ' '],
      ['is no name of a database', '--database', 'no-name'],
    ];
    const results = await Promise.all(uses.map(([, ...args]) => run(...args)));
    expect(results).toEqual(uses.map(([message]) => ({ code: 2, out: '', err: expect.stringContaining(message) })));
  });

  it('--help says what the states mean, and what can be forced', async () => {
    const [about, resolving] = await Promise.all([run('--help'), run('resolve', '--help')]);
    expect(about).toMatchObject({
      code: 0,
      out: expect.stringMatching(/--also[^]+resolve[^]+in doubt[^]+"preparing"/),
    });
    expect(resolving).toMatchObject({
      code: 0,
      out: expect.stringMatching(/--reason[^]+What can be forced[^]+code is 4/),
    });
  });
});

describe('concord transactions resolve', () => {
  it('aborts what is not decided; an app then tells the participants, and raises the alarm once', async () => {
    const id = await stuckAt(side, 'coordinator.voted', 'forced');
    expect(await run('resolve', id, 'commit', ...WHY)).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringContaining('not all have voted yes'),
    });
    expect(await forcedIn(side.a)).toEqual([]);
    expect(await run('resolve', id, 'abort', ...WHY)).toEqual({
      code: 0,
      out: expect.stringContaining(`transaction ${id} is aborted`),
      err: expect.stringContaining('forced to be aborted by ada: its disk is lost'),
    });
    expect(await side.coordinator.outcome(id)).toBe('aborted');
    await side.a.database.query({ text: 'update concord.transactions set next_attempt_at = now()' });
    await side.coordinator.start();
    await until('it is over', async () => (await side.coordinator.transactions()).length === 0);
    expect([await eventsOf(side.a, 'forced'), await eventsOf(side.b, 'forced')]).toEqual([[10n], []]);
    await until('an alarm', () => Promise.resolve(errors.length > 0));
    expect(errors).toEqual([`transaction ${id} was forced to be aborted by ada: its disk is lost`]);
    const forced = { participant: null, was: 'preparing', outcome: 'aborted', forced_by: 'ada', overruled: null };
    expect(await forcedIn(side.a)).toMatchObject([{ ...forced, applied: true, alarmed: true }]);
    const names = (await telemetry.collect()).map(({ descriptor }) => descriptor.name);
    expect(names).toContain('concord.transaction.forced');
  });

  it('refuses what is decided otherwise, and what is not in doubt: nothing is changed', async () => {
    const id = await stuckAt(side, 'coordinator.decided', 'decided');
    const refused: [string, ...string[]][] = [
      ['is committed in the log', id, 'abort'],
      ['is committed in the log', id, 'abort', '--participant', 'b'],
      ['is committed in the log', id, 'commit'],
      ['is not in doubt', newId(), 'abort'],
    ];
    for (const [message, ...args] of refused) {
      const said = await runOnBoth('resolve', ...args, ...WHY);
      expect(said).toEqual({ code: 3, out: '', err: expect.stringContaining(message) });
    }
    expect([await forcedIn(side.a), await forcedIn(side.b)]).toEqual([[], []]);
    await side.a.database.query({ text: 'update concord.transactions set next_attempt_at = now()' });
    await side.coordinator.start();
    await until('it is over', async () => (await side.coordinator.transactions()).length === 0);
    expect(await eventsOf(side.b, 'decided')).toEqual([1n]);
  });

  it('forgets no commit that a participant has not acknowledged, in whichever database it is prepared', async () => {
    const id = await stuckAt(side, 'coordinator.decided', 'unseen');
    const args = ['resolve', id, 'commit', ...WHY, '--participant', 'b', '--wait', '0.1'];
    // The database of b is not named.
    const said = await run(...args);
    expect(said).toEqual({ code: 3, out: '', err: expect.stringContaining('Name the one of "b" as well') });
    expect(await forcedIn(side.a)).toEqual([]);
    // It is, and b has come to another end there, which was put right by hand.
    const database = { text: `update concord.prepared_transactions set state = 'aborted', settled_at = now()` };
    await side.b.database.query(database);
    expect(await runOnBoth(...args)).toMatchObject({ code: 0, out: expect.stringContaining('is committed at "b"') });
    expect(await forcedIn(side.a)).toMatchObject([{ participant: 'b', was: 'aborted', applied: true }]);
    await side.coordinator.start();
    await until('it is over', async () => (await side.coordinator.transactions()).length === 0);
  });

  it('commits what is prepared where its coordinator is gone: recorded, until a process with the participant runs', async () => {
    const id = await stuckAt(side, 'coordinator.voted', 'gone');
    await side.a.database.query({ text: 'delete from concord.transactions' });
    const said = await runOnBoth('resolve', id, 'commit', ...WHY, '--participant', 'b', '--wait', '0.1');
    expect(said).toMatchObject({ code: 4, out: expect.stringContaining('recorded, and not carried out yet') });
    expect(await eventsOf(side.b, 'gone')).toEqual([]);
    await withOwnerOfB(async () => {
      await until('carried out', async () => (await preparedLocks(side.b)).length === 0);
      await until('an alarm', () => Promise.resolve(errors.length > 0));
    });
    expect(await eventsOf(side.b, 'gone')).toEqual([1n]);
    expect(errors).toEqual([`transaction ${id} was forced to be committed at "b" by ada: its disk is lost`]);
    expect(await runOnBoth('resolve', id, 'commit', ...WHY, '--participant', 'b')).toMatchObject({
      code: 3,
      err: expect.stringContaining('is not prepared at "b"'),
    });
  });

  it('waits until it is carried out', async () => {
    const id = await stuckAt(side, 'coordinator.voted', 'waited');
    await side.a.database.query({ text: 'delete from concord.transactions' });
    await withOwnerOfB(async () => {
      const args = ['resolve', id, 'commit', ...WHY, '--json'];
      const said = await concord(stores.urls[1], 'transactions', ...args);
      expect({ code: said.code, ...JSON.parse(said.out) }).toEqual({
        code: 0,
        id,
        outcome: 'committed',
        participants: [{ participant: 'b', outcome: 'carried-out' }],
      });
    });
    expect(await eventsOf(side.b, 'waited')).toEqual([1n]);
  });

  it('is overruled where the coordinator answers, and says otherwise', async () => {
    const id = await stuckAt(side, 'coordinator.voted', 'overruled');
    await side.a.database.query({ text: 'delete from concord.transactions' });
    await side.coordinator.start();
    const said = await runOnBoth('resolve', id, 'commit', ...WHY, '--participant', 'b');
    expect(said).toMatchObject({ code: 3, out: expect.stringContaining('has decided otherwise') });
    expect([await eventsOf(side.b, 'overruled'), await preparedLocks(side.b)]).toEqual([[], []]);
    expect(await forcedIn(side.b)).toMatchObject([{ outcome: 'committed', overruled: 'aborted', applied: true }]);
  });
});
