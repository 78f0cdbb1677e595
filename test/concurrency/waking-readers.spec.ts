// Readers are woken by appends of other processes, long before their own clock (5 s) would make them look.
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { type AppendSource, PostgresEventStore } from '@concord/event-store';
import { newId, type RecordedEvent, type StreamName } from '@concord/kernel';
import { Consumer, followStream } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { ended, startProcess } from '../fixtures/process-under-test.js';

const TENANT = 'waking';
/** Well below the 5 seconds after which a reader looks without being told, and long enough for a busy machine. */
const SOON_MS = 2_500;
/** By then a reader that found nothing has spaced its looks out beyond SOON_MS. */
const UNTIL_IT_RESTS_MS = 5_500;

let testDatabase: TestDatabase;
let reading: OpenDatabase;
let writing: OpenDatabase;
let reader: PostgresEventStore;
let writer: PostgresEventStore;

beforeAll(() => Logger.overrideLogger(false)); // Connections are killed here, on purpose.
beforeEach(async () => {
  testDatabase = await createTestDatabase();
  reading = await openDatabase({ url: testDatabase.url });
  writing = await openDatabase({ url: testDatabase.url });
  reader = new PostgresEventStore(reading.database);
  writer = new PostgresEventStore(writing.database);
});
afterEach(async () => {
  await reading.close();
  await writing.close();
  await testDatabase.drop();
});

const append = (stream: StreamName = 's-1'): Promise<unknown> =>
  runInTenant(TENANT, () =>
    writer.append({ stream, expected: 'any', events: [{ id: newId(), type: 'Appended', data: {} }] }),
  );

/** Backends that listen for hints; the writers', which only sends, is one of them once it has appended. */
async function hintBackends(): Promise<number[]> {
  return withClient(testDatabase.url, async (client) => {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and application_name = 'concord hints'`,
    );
    return rows.map(({ pid }) => pid);
  });
}

/** The hints of others that a store hears. */
class Ear {
  private readonly heard: AppendSource[] = [];
  private wake: () => void = () => undefined;

  constructor(store: PostgresEventStore) {
    store.onAppended((source) => {
      this.heard.push(source);
      this.wake();
    });
  }

  clear(): void {
    this.heard.length = 0;
  }

  get count(): number {
    return this.heard.filter((source) => source === 'elsewhere').length;
  }

  /** Fails when nothing is heard of others within the time. */
  async next(limitMs = SOON_MS): Promise<void> {
    const deadline = Date.now() + limitMs;
    while (this.count === 0) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`heard nothing of others within ${limitMs} ms`);
      await Promise.race([
        new Promise<void>((resolve) => (this.wake = resolve)),
        sleep(left, undefined, { ref: false }),
      ]);
    }
  }
}

async function listening(store: PostgresEventStore): Promise<Ear> {
  const ear = new Ear(store);
  await ear.next(); // It hears once when it begins to listen: what came before could not be heard.
  ear.clear();
  return ear;
}

describe('an append', () => {
  it('is heard of in another process, and not heard twice where it was made', async () => {
    const [ear, own] = [await listening(reader), await listening(writer)];
    await append();
    await ear.next();
    await sleep(50);
    expect(own.count).toBe(0);
  });

  it('is heard of once it is committed, and a rolled back one is not', async () => {
    const ear = await listening(reader);
    await writing.database.transaction(async () => {
      await append();
      await sleep(50);
      expect(ear.count).toBe(0);
    });
    await ear.next();
    ear.clear();
    const failing = writing.database.transaction(async () => {
      await append();
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await sleep(100);
    expect(ear.count).toBe(0);
  });

  it('is one of many that lead to few notifications', async () => {
    const ear = await listening(reader);
    await Promise.all(Array.from({ length: 300 }, (_, n) => append(`s-${n}`)));
    await ear.next();
    await sleep(50);
    expect(ear.count).toBeLessThan(150);
  });

  it('leads to few notifications while nobody listens, and to soon ones from when somebody does', async () => {
    const sent: unknown[] = [];
    const { query } = pg.Client.prototype;
    const counting = function (this: pg.Client, ...args: unknown[]): unknown {
      if ((args[0] as { name?: string }).name === 'concord:notify') sent.push(args);
      return Reflect.apply(query, this, args);
    };
    pg.Client.prototype.query = counting as typeof query;
    try {
      await append();
      for (const end = Date.now() + 500; Date.now() < end;) await append();
      const alone = sent.length;
      expect(alone).toBeGreaterThan(0);
      expect(alone).toBeLessThanOrEqual(12);
      const ear = await listening(reader);
      await append();
      await ear.next();
    } finally {
      pg.Client.prototype.query = query;
    }
  });

  it('wakes a consumer and a follower of another process that rest', async () => {
    const handled: RecordedEvent[] = [];
    let arrived: () => void = () => undefined;
    const child = await startProcess('appending-process.ts', testDatabase.url, TENANT, 's-1');
    const consumer = new Consumer(reader, reading.database, {
      name: 'waking',
      handle: (events) => {
        handled.push(...events);
        arrived();
        return Promise.resolve();
      },
    });
    consumer.start();
    const stop = new AbortController();
    const events = runInTenant(TENANT, () => followStream(reader, 's-1', 0n, stop.signal));
    const followed = events.next();
    await sleep(UNTIL_IT_RESTS_MS);
    const consumed = new Promise<void>((resolve) => (arrived = resolve));
    const began = Date.now();
    child.process.send('append');
    await Promise.all([consumed, followed]);
    const tookMs = Date.now() - began;
    expect(handled).toHaveLength(1);
    expect(tookMs).toBeLessThan(SOON_MS);
    child.process.send('leave');
    await Promise.race([ended(child.process), sleep(10_000, undefined, { ref: false })]);
    expect(child.process.exitCode).toBe(0);
    stop.abort();
    await consumer.stop();
  }, 60_000);
});

describe('what an append under way had hidden', () => {
  it('is found soon, though it ends without a commit and tells nobody', async () => {
    let arrived: () => void = () => undefined;
    const handled = new Promise<void>((resolve) => (arrived = resolve));
    const consumer = new Consumer(reader, reading.database, {
      name: 'hidden',
      handle: async () => arrived(),
    });
    consumer.start();
    const holder = new pg.Client(testDatabase.url);
    await holder.connect();
    await holder.query('begin');
    await holder.query('select concord.mark_append()');
    await holder.query(`select nextval('concord.global_position')`);
    await append();
    await sleep(300);
    await holder.query('rollback');
    const began = Date.now();
    await handled;
    expect(Date.now() - began).toBeLessThan(SOON_MS);
    await holder.end();
    await consumer.stop();
  });
});

describe('a hint that is lost', () => {
  it('costs no more than the time until the reader looks by itself', async () => {
    await reading.database.notifications.close(); // It is deaf from now on.
    let arrived: () => void = () => undefined;
    const handled = new Promise<void>((resolve) => (arrived = resolve));
    const handle = async (): Promise<void> => arrived();
    const consumer = new Consumer(reader, reading.database, { name: 'deaf', handle });
    consumer.start();
    await sleep(100);
    await append();
    await handled;
    await consumer.stop();
  });
});

describe('the connection that listens', () => {
  it('comes back after it was killed, and then tells that something may have been missed', async () => {
    const ear = await listening(reader);
    const [pid] = await hintBackends();
    await withClient(testDatabase.url, (client) => client.query('select pg_terminate_backend($1, 5000)', [pid]));
    await append();
    await ear.next(10_000); // Whatever it had missed.
    expect(await hintBackends()).not.toContain(pid);
    // The writer's hint may still have been on its way: from here on only new ones count.
    await sleep(100);
    ear.clear();
    await append();
    await ear.next();
  });

  it('of a writer that was killed is made anew', async () => {
    const ear = await listening(reader);
    const before = await hintBackends();
    await append();
    await ear.next();
    const [pid] = (await hintBackends()).filter((backend) => !before.includes(backend));
    await withClient(testDatabase.url, (client) => client.query('select pg_terminate_backend($1, 5000)', [pid]));
    await sleep(50);
    ear.clear();
    await append();
    await ear.next(10_000);
  });

  it('is gone after close', async () => {
    await listening(reader);
    await append();
    await reading.database.notifications.close();
    await writing.database.notifications.close();
    expect(await hintBackends()).toEqual([]);
    // A hint that comes now, or a reader, opens none anew.
    await append();
    new Ear(reader);
    await sleep(50);
    expect(await hintBackends()).toEqual([]);
  });

  it('does not hold up a close while the server cannot be reached', async () => {
    const stray = await openDatabase({ url: testDatabase.url });
    await listening(new PostgresEventStore(stray.database));
    const pids = await hintBackends();
    await withClient(testDatabase.url, (client) =>
      client.query('select pg_terminate_backend(unnest($1::int[]))', [pids]),
    );
    stray.database.notifications.notify('concord_appended');
    const began = Date.now();
    await stray.close();
    expect(Date.now() - began).toBeLessThan(SOON_MS);
  });
});
