// Appends to streams that somebody else keeps locked: they keep their order, and hold up nobody who appends elsewhere.
import { setTimeout as sleep } from 'node:timers/promises';
import { Database, type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { type NewEvent, newId, type StreamName, streamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';

let testDatabase: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url });
  store = new PostgresEventStore(opened.database);
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

const fresh = (): StreamName => streamName('s', newId());
const event = (n = 0): NewEvent => ({ id: newId(), type: 'Happened', data: { n } });
const one = (stream: StreamName, n = 0) => store.append({ stream, expected: 'any', events: [event(n)] });

/** Runs `work` while somebody else has the streams locked, until it calls `release`. */
function locked(
  streams: readonly StreamName[],
  work: (release: () => Promise<unknown>) => Promise<void>,
  tenant = `t-${newId()}`,
) {
  return withClient(testDatabase.url, async (client) => {
    await client.query('begin');
    await client.query('select concord.lock_streams($1, $2)', [tenant, streams]);
    await runInTenant(tenant, () => work(() => client.query('commit')));
  });
}

/** What came of it within two seconds: long before anybody gives up on a lock. */
const within = <T>(work: Promise<T>) => Promise.race([work.then(() => 'done'), sleep(2000, 'still waiting')]);

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(5);
}

/** How many connections wait for a lock of ours. */
function waitingForLocks(): Promise<number> {
  const text = `select pid from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`;
  return opened.database.queryOutside({ text }).then((rows) => rows.length);
}

describe('appends to locked streams', () => {
  it('are added in the order in which they were made', async () => {
    const stream = fresh();
    await locked([stream], async (release) => {
      const appends = [one(stream, 0), one(stream, 1)];
      await sleep(100);
      appends.push(one(stream, 2));
      await sleep(100);
      await release();
      await Promise.all(appends);
      const stored = await Array.fromAsync(store.readStream(stream));
      expect(stored.map(({ data }) => (data as { n: number }).n)).toEqual([0, 1, 2]);
    });
  });

  it('take one connection a stream, however many there are', async () => {
    const stream = fresh();
    await locked([stream], async (release) => {
      const appends: Promise<unknown>[] = [];
      for (let n = 0; n < 30; n += 1) {
        appends.push(one(stream, n));
        await sleep(5);
      }
      expect(await within(one(fresh()))).toBe('done');
      expect(await within(store.lastPosition())).toBe('done');
      await release();
      await Promise.all(appends);
    });
  });

  it('leave most connections free, however many streams there are, and hold up no verdict', async () => {
    const streams = Array.from({ length: 40 }, fresh);
    await locked(streams, async (release) => {
      const taken = fresh();
      await one(taken);
      const appends = streams.map((stream) => one(stream));
      await sleep(200);
      expect(await within(one(fresh()))).toBe('done');
      expect(await within(store.lastPosition())).toBe('done');
      const conflict = store.append({ stream: taken, expected: 'no-stream', events: [event()] });
      await expect(within(conflict)).rejects.toMatchObject({ code: 'wrong-expected-version' });
      await release();
      await Promise.all(appends);
      expect((await store.readFeed()).events).toHaveLength(42);
    });
  });

  it('are added soon after their lock has gone, though others keep all places to wait in', async () => {
    const { database } = opened;
    const watched = new Database(database.dataSource);
    const tried = new Set<unknown>();
    const { queryOutside } = watched;
    watched.queryOutside = async (statement, values) => {
      const rows = await queryOutside.call(watched, statement, values);
      if (statement.name === 'concord:append-unless-locked') tried.add(values?.[2]);
      return rows as never;
    };
    const here = new PostgresEventStore(watched);
    const append = (stream: StreamName, n = 0) => here.append({ stream, expected: 'any', events: [event(n)] });
    const tenant = `t-${newId()}`;
    const long = Array.from({ length: Math.floor(database.poolSize / 4) }, fresh);
    const brief = fresh();
    const work = async (release: () => Promise<unknown>) => {
      const appends = long.map((stream) => append(stream));
      await until(async () => (await waitingForLocks()) === long.length);
      await locked(
        [brief],
        async (releaseBriefly) => {
          const both = [append(brief, 0), append(brief, 1)];
          await until(async () => tried.has(brief));
          await releaseBriefly();
          expect(await within(Promise.all(both))).toBe('done');
        },
        tenant,
      );
      const stored = await Array.fromAsync(store.readStream(brief));
      expect(stored.map(({ data }) => (data as { n: number }).n)).toEqual([0, 1]);
      await release();
      await Promise.all(appends);
    };
    await locked(long, work, tenant);
  });

  it.each(['in one batch', 'alone'])('hold up nobody when an event id is being added elsewhere: %s', async (how) => {
    // As many as there are calls under way at most.
    const used = [event(), event()];
    await runInTenant(`t-${newId()}`, async () => {
      const twins: Promise<unknown>[] = [];
      await opened.database.transaction(async () => {
        await store.append({ stream: fresh(), expected: 'any', events: used });
        await opened.database.outside(async () => {
          for (const twin of used) {
            const appended = store.append({ stream: fresh(), expected: 'any', events: [twin] });
            appended.catch(() => undefined);
            twins.push(appended);
            if (how === 'alone') await sleep(20);
          }
          expect(await within(Promise.all([one(fresh()), one(fresh())]))).toBe('done');
          expect(await within(one(fresh()))).toBe('done');
        });
      });
      for (const appended of twins) await expect(appended).rejects.toMatchObject({ code: 'event-id-in-use' });
    });
  });

  it('are refused where too many are waiting, and taken again later', async () => {
    const small = new PostgresEventStore(opened.database, { mostWaiting: 10 });
    const stream = fresh();
    await locked([stream], async (release) => {
      const append = () => small.append({ stream, expected: 'any', events: [event()] });
      const appends = Array.from({ length: 10 }, append);
      await expect(append()).rejects.toMatchObject({ code: 'store-unavailable' });
      await release();
      await Promise.all(appends);
      await expect(append()).resolves.toMatchObject([{ revision: 10n }]);
    });
  });

  it('are refused where too much is waiting, however few they are; one that waits alone is taken however large', async () => {
    const small = new PostgresEventStore(opened.database, { mostCharactersWaiting: 10_000 });
    const stream = fresh();
    await locked([stream], async (release) => {
      const append = (characters: number) =>
        small.append({ stream, expected: 'any', events: [{ ...event(), data: 'x'.repeat(characters) }] });
      const large = append(20_000);
      await expect(append(1)).rejects.toMatchObject({
        code: 'store-unavailable',
        message: expect.stringMatching(/^1 appends of 20\d{3} characters are waiting already/) as string,
      });
      await release();
      await large;
      const [one, other] = [append(4_000), append(4_000)];
      await expect(append(4_000)).rejects.toMatchObject({ code: 'store-unavailable' });
      await Promise.all([one, other]);
      // What was refused is not there, and what is there counts no more.
      await expect(append(9_000)).resolves.toMatchObject([{ revision: 3n }]);
    });
  });

  it('wait ten seconds all together, not each after the other', async () => {
    const stream = fresh();
    await locked([stream], async (release) => {
      const appends = Array.from({ length: 5 }, (_, n) => one(stream, n));
      await sleep(100);
      appends.push(one(stream, 5));
      const settled = Promise.allSettled(appends);
      const results = await Promise.race([settled, sleep(15_000, [], { ref: false })]);
      expect(results.map((result) => result.status === 'rejected' && (result.reason as { code: string }).code)).toEqual(
        Array.from({ length: 6 }, () => 'transient-conflict'),
      );
      await release();
      await expect(one(stream)).resolves.toMatchObject([{ revision: 0n }]);
    });
  }, 40_000);
});
