// A server that vanishes without a word, connections and all: nobody waits for it for ever, and when it is back all goes on.
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { type NewEvent, newId, type StreamName, streamName } from '@concord/kernel';
import { CommandPipeline } from '@concord/commanding';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { type Line, openLine } from '../fixtures/line.js';
import { add } from '../fixtures/two-pipelines.js';

const SILENCE_MS = 300;
const POOL = 8;
let testDatabase: TestDatabase;
let line: Line;
let there: OpenDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  there = await openDatabase({ url: testDatabase.url });
  await there.database.query({ text: 'create table notes (n int primary key)' });
});
afterAll(async () => {
  await there.close();
  await testDatabase.drop();
});
beforeEach(async () => {
  line = await openLine(testDatabase.url);
  opened = await openDatabase({ url: line.url, poolSize: POOL, silenceMs: SILENCE_MS });
  store = new PostgresEventStore(opened.database, { unlockedFrom: 1 });
});
afterEach(async () => {
  line.close();
  await opened.close();
});

const TENANT = 'silence';
const inTenant = (work: () => Promise<void>) => () => runInTenant(TENANT, work);
const fresh = (): StreamName => streamName('s', newId());
const happened = (): NewEvent => ({ id: newId(), type: 'Happened', data: {} });
const append = (stream = fresh()) => store.append({ stream, expected: 'any', events: [happened()] });
const note = (n: number) => opened.database.query({ text: 'insert into notes values ($1)' }, [n]);
const notes = async () =>
  (await there.database.query<{ n: number }>({ text: 'select n from notes' })).map(({ n }) => n);

/** The code with which each was refused, or how it went otherwise. */
async function outcomes(...all: Promise<unknown>[]): Promise<string[]> {
  const each = all.map((one) =>
    one.then(
      () => 'done',
      (error: unknown) => (error as { code?: string }).code ?? String(error),
    ),
  );
  return Promise.race([Promise.all(each), sleep(8000, ['somebody waits for ever'], { ref: false })]);
}

describe('while the server is silent', () => {
  it(
    'appends, loads and what looks up keys are refused in time, and go on when it is back',
    inTenant(async () => {
      const pipeline = new CommandPipeline(store);
      const ids = Array.from({ length: 3 }, () => newId());
      await Promise.all(ids.map((id) => add(pipeline, id, 1)));
      await opened.database.queryAside({ text: 'select 1' });
      // Connections that are there: one that is not yet may take 30 s to be refused.
      const several = { text: 'select pg_sleep(0.1)' };
      await Promise.all(Array.from({ length: POOL }, () => opened.database.queryOutside(several)));
      line.silence();
      const refused = await outcomes(
        ...Array.from({ length: 12 }, () => append()),
        ...ids.map((id) => store.unlocked.load(streamName('sum', id))),
        opened.database.queryOutside({ text: 'select 1' }),
        opened.database.queryAside({ text: 'select 1' }),
      );
      expect(new Set(refused)).toEqual(new Set(['database-unavailable']));
      line.restore();
      const again = await outcomes(
        ...Array.from({ length: 12 }, () => append()),
        ...ids.map((id) => add(pipeline, id, 1)),
        opened.database.queryAside({ text: 'select 1' }),
      );
      expect(new Set(again)).toEqual(new Set(['done']));
    }),
  );

  it(
    'a statement in a transaction is refused, and nothing of it is there',
    inTenant(async () => {
      const running = opened.database.transaction(async () => {
        await note(1);
        line.silence();
        await store.lockAndLoad([fresh()]);
      });
      expect(await outcomes(running)).toEqual(['database-unavailable']);
      expect(await notes()).toEqual([]);
    }),
  );

  it.each([
    ['did not get', 'both ways', []],
    ['got', 'answers', [2]],
  ] as const)('nobody knows of a commit, which the server %s', async (_, what, found) => {
    const running = opened.database.transaction(async () => {
      await note(2);
      line.silence(what);
    });
    expect(await outcomes(running)).toEqual(['commit-unknown']);
    expect(await notes()).toEqual(found);
    await there.database.query({ text: 'delete from notes' });
  });

  it('a rollback waits no longer either, and the connections are gone for good', async () => {
    let begun = 0;
    const failing = Array.from({ length: POOL }, async (_, n) =>
      opened.database.transaction(async () => {
        await note(10 + n);
        begun += 1;
        // A connection that is not there yet would be waited for longer than a silent one.
        while (begun < POOL) await sleep(10);
        line.silence();
        throw Object.assign(new Error('no'), { code: 'no' });
      }),
    );
    expect(await outcomes(...failing)).toEqual(failing.map(() => 'no'));
    while (line.open > 0) await sleep(10);
    line.restore();
    // On new connections: what comes late on an old one is nobody's answer.
    const answers = Array.from({ length: 3 * POOL }, async (_, n) => {
      const [row] = await opened.database.queryOutside<{ n: number }>({ text: 'select $1::int as n' }, [n]);
      return row!.n - n;
    });
    expect(new Set(await Promise.all(answers))).toEqual(new Set([0]));
    expect(await notes()).toEqual([]);
  });
});

describe('a server that only takes its time', () => {
  const slow = { text: `select pg_sleep(${(3 * SILENCE_MS) / 1000})` };

  it('is waited for by a transaction that says so, and only by that one', async () => {
    const patient = opened.database.transaction(async (transaction) => {
      transaction.bePatient();
      await opened.database.query(slow);
    });
    expect(await outcomes(patient)).toEqual(['done']);
    // The same connections.
    const hasty = () => opened.database.transaction(() => opened.database.query(slow));
    expect(await outcomes(hasty(), opened.database.queryOutside(slow))).toEqual(
      Array.from({ length: 2 }, () => 'database-unavailable'),
    );
  });

  it('is not silent while its rows come', async () => {
    const rows = `select n, pg_sleep(${SILENCE_MS / 3000}), repeat('x', 9000) from generate_series(1, 9) as n`;
    expect(await outcomes(opened.database.queryOutside({ text: rows }))).toEqual(['done']);
  });

  it('is left alone while it owes nothing', async () => {
    const running = opened.database.transaction(async () => {
      await note(3);
      await sleep(3 * SILENCE_MS);
      await note(4);
    });
    expect(await outcomes(running)).toEqual(['done']);
    await there.database.query({ text: 'delete from notes' });
  });

  it('has its answers read first, when it was this process that was held up', async () => {
    const answer = opened.database.queryOutside({ text: 'select pg_sleep(0.05)' });
    await sleep(20);
    const until = performance.now() + 2 * SILENCE_MS;
    while (performance.now() < until);
    expect(await outcomes(answer)).toEqual(['done']);
  });

  it('is waited for by migrations, which wait for each other', async () => {
    let open!: Promise<OpenDatabase>;
    await there.database.transaction(async () => {
      await there.database.query({ text: `select pg_advisory_xact_lock(hashtextextended('concord migrations', 0))` });
      open = openDatabase({ url: testDatabase.url, silenceMs: SILENCE_MS });
      open.catch(() => undefined);
      await sleep(4 * SILENCE_MS);
    });
    expect(await outcomes(open)).toEqual(['done']);
    await (await open).close();
  });

  it('may be waited for without an end', async () => {
    const endless = await openDatabase({ url: testDatabase.url, silenceMs: 0 });
    expect(await outcomes(endless.database.queryOutside(slow))).toEqual(['done']);
    await endless.close();
  });
});

describe('DATABASE_SILENCE_MS', () => {
  it('is named when it is no number', async () => {
    process.env['DATABASE_SILENCE_MS'] = 'long';
    try {
      await expect(openDatabase({ url: testDatabase.url })).rejects.toThrow(/DATABASE_SILENCE_MS="long"/);
    } finally {
      delete process.env['DATABASE_SILENCE_MS'];
    }
  });
});
