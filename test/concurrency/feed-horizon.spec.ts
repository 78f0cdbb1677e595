// The feed under interleaved commits, on real connections: what is still being committed hides what is above it.
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore, type ReadFeedOptions } from '@concord/event-store';
import { newId, type RecordedEvent } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '@concord/testing';

const TENANT = 'horizon';
let testDatabase: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;
const writers: pg.Client[] = [];

/** A connection that appends one event to a stream of its own, in whatever transaction it is in. */
async function writer(): Promise<pg.Client & { append(type: string): Promise<void> }> {
  const client = new pg.Client(testDatabase.url);
  await client.connect();
  writers.push(client);
  const append = async (type: string): Promise<void> => {
    const events = [{ id: newId(), type, data: {} }];
    const appends = [{ stream: `s-${newId()}`, expected: 'no-stream', events }];
    await client.query('select * from concord.append($1, $2)', [TENANT, JSON.stringify(appends)]);
  };
  return Object.assign(client, { append });
}

/** A batch of group commit; answers which of its appends were added. */
async function batch(client: pg.Client, streams: string[]): Promise<number[]> {
  const text = 'select ends from concord.append_batch($1, $2, $3, $4, $5, $6, $7)';
  const { rows } = await client.query<{ ends: string }>(text, [
    streams.map(() => TENANT),
    streams,
    streams.map(() => 'no-stream'),
    streams.map((_, index) => index + 1),
    streams.map(() => 1),
    streams.map(() => newId()),
    JSON.stringify(streams.map(() => ({ type: 'G', data: {}, metadata: {} }))),
  ]);
  const ends = rows[0]?.ends.split(',') ?? [];
  return streams.flatMap((_, index) => (ends[index] ? [index] : []));
}

const readAfter = (after: bigint) => runInTenant(TENANT, () => store.readFeed({ after }));
const types = (events: readonly RecordedEvent[]): string => events.map((event) => event.type).join('');

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url });
  store = new PostgresEventStore(opened.database);
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});
afterEach(async () => {
  await Promise.all(writers.splice(0).map((client) => client.end()));
});
const start = async (): Promise<bigint> => (await readAfter(0n)).through;

/** A is appended in a transaction that stays open, and B, above it, is committed. `from`: the place before both. */
async function overtaken() {
  const from = await start();
  const [early, late] = [await writer(), await writer()];
  await early.query('begin');
  await early.append('A');
  await late.append('B');
  return { from, early, late };
}

describe('the feed', () => {
  it('does not pass an append that drew its position first and commits last', async () => {
    const { from, early } = await overtaken();
    const before = await readAfter(from);
    expect(before).toMatchObject({ events: [], through: from });
    await early.query('commit');
    const page = await readAfter(before.through);
    expect(types(page.events)).toBe('AB');
  });

  it('does not pass a batch of appends that drew its positions first and commits last', async () => {
    const from = await start();
    const [early, late] = [await writer(), await writer()];
    await early.query('begin');
    expect(await batch(early, ['s-batch1', 's-batch2'])).toEqual([0, 1]);
    await late.append('B');
    expect((await readAfter(from)).events).toEqual([]);
    await early.query('commit');
    expect(types((await readAfter(from)).events)).toBe('GGB');
  });

  it('leaves a locked stream out of a batch of appends', async () => {
    const [holder, other] = [await writer(), await writer()];
    await holder.query('begin');
    await holder.query(`select concord.lock_streams($1, array['s-held'])`, [TENANT]);
    expect(await batch(other, ['s-free', 's-held'])).toEqual([0]);
    await holder.query('rollback');
    expect(await batch(other, ['s-held'])).toEqual([0]);
  });

  it('is read backwards from below an append under way, and forwards from there nothing is missed', async () => {
    const from = await start();
    const [early, late] = [await writer(), await writer()];
    await late.append('A');
    await early.query('begin');
    await early.append('B');
    await late.append('C');
    const read = (options: ReadFeedOptions) => runInTenant(TENANT, () => store.readFeed(options));
    const page = await read({ after: from, direction: 'backwards' });
    expect(types(page.events)).toBe('A');
    await early.query('commit');
    expect(types((await read({ after: page.events[0]!.globalPosition })).events)).toBe('BC');
    expect(types((await read({ after: from, direction: 'backwards' })).events)).toBe('CBA');
  });

  it('passes an append that was rolled back', async () => {
    const { from, early } = await overtaken();
    await early.query('rollback');
    expect(types((await readAfter(from)).events)).toBe('B');
  });

  it('passes an append whose connection died', async () => {
    const { from, early, late } = await overtaken();
    const { rows } = await early.query<{ pid: number }>('select pg_backend_pid() as pid');
    early.on('error', () => undefined);
    await late.query('select pg_terminate_backend($1, 5000)', [rows[0]!.pid]);
    expect(types((await readAfter(from)).events)).toBe('B');
  });

  it('shows what was settled below an append under way', async () => {
    const from = await start();
    const [early, late] = [await writer(), await writer()];
    await late.append('A');
    await early.query('begin');
    await early.append('B');
    await late.append('C');
    const page = await readAfter(from);
    expect(types(page.events)).toBe('A');
    await early.query('commit');
    expect(types((await readAfter(page.through)).events)).toBe('BC');
  });

  it('holds back for a transaction that appends, sleeps, and appends again', async () => {
    const { from, early: slow, late: quick } = await overtaken();
    await slow.append('C');
    await quick.append('D');
    expect((await readAfter(from)).events).toEqual([]);
    await slow.query('commit');
    expect(types((await readAfter(from)).events)).toBe('ABCD');
  });

  it('waits for a prepared transaction, and not longer', async () => {
    const from = await start();
    const [prepared, other] = [await writer(), await writer()];
    await prepared.query('begin');
    await prepared.append('A');
    await prepared.query(`prepare transaction 'horizon-1'`);
    await other.append('B');
    expect((await readAfter(from)).events).toEqual([]);
    await other.query(`commit prepared 'horizon-1'`);
    expect(types((await readAfter(from)).events)).toBe('AB');
  });

  it('is not held back by a transaction that writes elsewhere, however long it is open', async () => {
    const from = await start();
    const [idle, other] = [await writer(), await writer()];
    await idle.query('create table if not exists public.elsewhere (n int)');
    await idle.query('begin');
    await idle.query('insert into public.elsewhere values (1)');
    await other.append('A');
    expect(types((await readAfter(from)).events)).toBe('A');
  });

  it('is not held back by an append that waits for a stream that is locked', async () => {
    const from = await start();
    const [holder, waiting, other] = [await writer(), await writer(), await writer()];
    await holder.query('begin');
    await holder.query(`select concord.lock_streams($1, array['s-locked'])`, [TENANT]);
    const event = JSON.stringify([
      { stream: 's-locked', expected: 'any', events: [{ id: newId(), type: 'W', data: {} }] },
    ]);
    const blocked = waiting.query('select * from concord.append($1, $2)', [TENANT, event]);
    await other.append('A');
    expect(types((await readAfter(from)).events)).toBe('A');
    await holder.query('rollback');
    await blocked;
    expect(types((await readAfter(from)).events)).toBe('AW');
  });

  it('orders a stream as the stream is ordered, though its second writer began first', async () => {
    const from = await start();
    const [second, first] = [await writer(), await writer()];
    // Writes, and so has a lower transaction id than the one that appends before it.
    await second.query('create table if not exists public.elsewhere (n int)');
    await second.query('begin');
    await second.query('insert into public.elsewhere values (1)');
    await first.append('A');
    await second.append('B');
    await second.query('commit');
    expect(types((await readAfter(from)).events)).toBe('AB');
  });

  it('shows every event once and in one order to readers that start anywhere while many write', async () => {
    const from = await start();
    const committed = new Set<string>();
    let writing = true;
    const busy = Array.from({ length: 6 }, async (_, index) => {
      const client = await writer();
      for (let round = 0; round < 40; round += 1) {
        const names = Array.from({ length: 1 + ((round + index) % 3) }, () => newId());
        await client.query('begin');
        for (const name of names) {
          await client.append(name);
          if ((round + index) % 4 === 0) await client.query('select pg_sleep(0.003)');
        }
        const commit = (round * 7 + index) % 5 !== 0;
        await client.query(commit ? 'commit' : 'rollback');
        if (commit) for (const name of names) committed.add(name);
      }
    });
    const read = async (limit: number): Promise<string[]> => {
      const seen: string[] = [];
      for (let after = from; ;) {
        const last = !writing;
        const page = await runInTenant(TENANT, () => store.readFeed({ after, limit }));
        seen.push(...page.events.map((event) => event.type));
        if (last && page.events.length === 0) return seen;
        after = page.through;
      }
    };
    const readers = [1, 2, 7, 100, 1000].map((limit) => read(limit));
    await Promise.all(busy);
    writing = false;
    const [expected, ...others] = await Promise.all(readers);
    expect(new Set(expected)).toEqual(committed);
    expect(expected).toHaveLength(committed.size);
    for (const other of others) expect(other).toEqual(expected);
  });
});
