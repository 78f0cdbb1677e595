// A feed that stands is noticed and explained: which session, since when, which streams, and who holds that one up.
import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { FeedHorizon, FeedWatch, PostgresEventStore } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import pg from 'pg';

const TENANT = 'watched';
let testDatabase: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;
let horizon: FeedHorizon;
const sessions: pg.Client[] = [];

async function session(application: string): Promise<pg.Client & { readonly pid: number }> {
  const client = new pg.Client({ connectionString: testDatabase.url, application_name: application });
  await client.connect();
  sessions.push(client);
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return Object.assign(client, { pid: rows[0]!.pid });
}

function appendBy(client: pg.Client, ...streams: string[]): Promise<unknown> {
  const events = (): unknown[] => [{ id: newId(), type: 'X', data: {} }];
  const appends = streams.map((stream) => ({ stream, expected: 'any', events: events() }));
  return client.query('select * from concord.append($1, $2)', [TENANT, JSON.stringify(appends)]);
}

const append = (stream: StreamName): Promise<unknown> =>
  runInTenant(TENANT, () => store.append({ stream, expected: 'any', events: [{ id: newId(), type: 'Y', data: {} }] }));

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url });
  store = new PostgresEventStore(opened.database);
  horizon = new FeedHorizon(opened.database);
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((client) => client.end()));
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

describe('the diagnosis of the feed', () => {
  it('finds nothing while it flows', async () => {
    await append('known-1');
    expect(await horizon.diagnose()).toMatchObject({ positions: 0n, milliseconds: 0, holders: [] });
  });

  it('names the session that holds it back, since when, and the streams it has locked', async () => {
    const holder = await session('forgotten');
    const began = Date.now();
    await holder.query('begin');
    await appendBy(holder, 'known-1', 'unknown-1');
    await append('later-1');
    await sleep(60);
    const { horizon: at, drawn, positions, milliseconds, holders } = await horizon.diagnose();
    expect(drawn - at).toBe(positions);
    expect(positions).toBe(3n);
    expect(milliseconds).toBeGreaterThanOrEqual(50);
    expect(milliseconds).toBeLessThanOrEqual(Date.now() - began + 1000);
    expect(holders).toHaveLength(1);
    expect(holders[0]).toMatchObject({
      mark: at,
      pid: holder.pid,
      application: 'forgotten',
      state: 'idle in transaction',
      began: expect.any(Date),
      inStateSince: expect.any(Date),
      blockedBy: [],
      lockedStreams: 2,
      streams: [`${TENANT}/known-1`],
      query: 'select * from concord.append($1, $2)',
    });
    await holder.query('rollback');
    expect(await horizon.diagnose()).toMatchObject({ positions: 0n, milliseconds: 0, holders: [] });
  });

  it('does not call it late when nothing committed is hidden', async () => {
    const holder = await session('alone');
    await holder.query('begin');
    await appendBy(holder, 'known-1');
    await sleep(30);
    const { milliseconds, holders } = await horizon.diagnose();
    expect([milliseconds, holders.map(({ pid }) => pid)]).toEqual([0, [holder.pid]]);
    await holder.query('rollback');
  });

  it('tells who is waited for by the one that holds it back', async () => {
    const [root, holder] = [await session('root'), await session('between')];
    await root.query('begin');
    await root.query(`select concord.lock_streams($1, array['known-1'])`, [TENANT]);
    await holder.query('begin');
    await appendBy(holder, 'other-1');
    const waiting = appendBy(holder, 'known-1');
    await append('later-2');
    for (const deadline = Date.now() + 10_000; ;) {
      const { holders } = await horizon.diagnose();
      if (holders[0]?.blockedBy.length === 1) {
        expect(holders[0]).toMatchObject({ pid: holder.pid, state: 'active', blockedBy: [root.pid] });
        expect(holders[0].waitsFor).toBe('Lock/advisory');
        break;
      }
      if (Date.now() > deadline) throw new Error('nobody seems to wait');
      await sleep(20);
    }
    await root.query('rollback');
    await waiting;
    await holder.query('rollback');
  });

  it('names a prepared transaction, which has no session', async () => {
    const [holder, ender] = [await session('gone'), await session('ender')];
    await holder.query('begin');
    await appendBy(holder, 'known-1');
    const name = `watched-${newId()}`;
    await holder.query(`prepare transaction '${name}'`);
    await append('later-3');
    const { holders } = await horizon.diagnose();
    await ender.query(`rollback prepared '${name}'`);
    expect(holders).toHaveLength(1);
    expect(holders[0]).toMatchObject({ prepared: name, state: 'prepared', began: expect.any(Date) });
    expect(holders[0]).not.toHaveProperty('pid');
  });
});

describe('the watch over the feed', () => {
  it('logs once when the feed begins to stand, once when it is stalled, and when it moves again', async () => {
    const lines: string[] = [];
    const note = (level: string) => {
      return (message: unknown, ...context: unknown[]): void => {
        if (context.at(-1) === 'Feed') lines.push(`${level} ${String(message)}`);
      };
    };
    Logger.overrideLogger({ log: note('log'), warn: note('warn'), error: note('error') });
    const watch = new FeedWatch(horizon, { everyMs: 10, delayedAfterMs: 40, stalledAfterMs: 400 });
    const until = async (condition: () => boolean): Promise<void> => {
      for (const deadline = Date.now() + 20_000; !condition();) {
        if (Date.now() > deadline) throw new Error(`not within 20 s: ${lines.join('\n')}`);
        await sleep(5);
      }
    };
    expect(watch.latest).toBeUndefined();
    watch.start();
    await until(() => watch.latest?.state === 'flowing');
    expect(lines).toEqual([]);

    const holder = await session('forgotten');
    await holder.query('begin');
    await appendBy(holder, 'known-1');
    await append('later-4');
    await until(() => watch.latest?.state === 'stalled');
    expect(watch.latest).toMatchObject({ positions: 2n });
    await sleep(60);
    await holder.query('commit');
    await until(() => watch.latest?.state === 'flowing');
    await watch.stop();
    Logger.overrideLogger(true);

    expect(lines.at(-1)).toMatch(/^warn the feed moves again, at position \d+: it had hidden events for \d+\.\d s$/);
    const standing = lines.slice(0, -1);
    // On a machine that stood still itself, the first look may find it stalled already.
    expect(standing.map((line) => line.split(' ', 1)[0])).toEqual(
      standing.length === 2 ? ['warn', 'error'] : ['error'],
    );
    for (const line of standing) {
      expect(line).toContain(`session ${holder.pid} (application "forgotten"`);
      expect(line).toContain(`streams ${TENANT}/known-1`);
      expect(line).toContain('statement: select * from concord.append($1, $2)');
    }
  });
});
