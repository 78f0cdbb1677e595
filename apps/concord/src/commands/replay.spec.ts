// concord replay as a process, on a store with several tenants.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { concord, type Said } from '../../../../test/fixtures/concord-cli.js';
import { startFile } from '../../../../test/fixtures/import/command-line.js';

interface Line {
  readonly globalPosition: string;
  readonly tenant: string;
  readonly stream: string;
  readonly type: string;
  readonly id: string;
  readonly data: number;
}

const ROUNDS = 15;
const A_ROUND = 100;
let database: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;

const run = (...args: string[]): Promise<Said> => concord(database.url, ...args);
const parsed = (out: string): Line[] =>
  out
    .split('\n')
    .filter((line) => line)
    .map((line) => JSON.parse(line) as Line);
const numbers = (lines: readonly Line[]): number[] => lines.map(({ data }) => data);

async function append(tenant: string, stream: StreamName, type: string, ...data: unknown[]): Promise<void> {
  const events = data.map((each) => ({ id: newId(), type, data: each }));
  await runInTenant(tenant, () => store.append({ stream, expected: 'any', events }));
}

beforeAll(async () => {
  database = await createTestDatabase();
  opened = await openDatabase({ url: database.url });
  store = new PostgresEventStore(opened.database);
  // More than a page of each tenant, and never in step.
  for (let round = 0; round < ROUNDS; round += 1) {
    const some = Array.from({ length: A_ROUND }, (_, index) => round * A_ROUND + index);
    await append('one', `even-${round}`, round % 2 === 0 ? 'First' : 'Second', ...some);
    if (round % 3 === 0) await append('two', `odd-${round}`, 'First', ...some);
  }
});
afterAll(async () => {
  await opened.close();
  await database.drop();
});

describe('replay', () => {
  it('gives every event once, in the order of the store, and goes on where it was told to', async () => {
    const { code, out, err } = await run('replay');
    const all = parsed(out);
    const stored = await opened.database.query<{ event_id: string }>({
      text: 'select event_id from concord.events order by global_position',
    });
    expect(all.map(({ id }) => id)).toEqual(stored.map((row) => row.event_id));
    const last = all.at(-1)?.globalPosition ?? '';
    expect([code, err]).toEqual([
      0,
      `concord: 2000 events replayed, the last at ${last}; everything up to ${last} is through; go on with --from ${BigInt(last) + 1n}\n`,
    ]);
    const middle = all[1234]?.globalPosition ?? '';
    const [before, after] = await Promise.all([
      run('replay', '--to', middle),
      run('replay', '--from', `${BigInt(middle) + 1n}`),
    ]);
    expect(before.out + after.out).toBe(out);
  });

  it('gives what is asked for, by tenant, categories, types and times', async () => {
    const [two, even, both, second] = await Promise.all([
      run('replay', '--tenant', 'two'),
      run('replay', '--category', 'even'),
      run('replay', '--category', 'even', '--category', 'odd', '--type', 'First', '--type', 'Nothing'),
      run('replay', '--type', 'Second'),
    ]);
    const counts = [two, even, both, second].map(({ out }) => parsed(out).length);
    expect(counts).toEqual([500, 1500, 800 + 500, 700]);
    expect(new Set(parsed(second.out).map(({ type }) => type))).toEqual(new Set(['Second']));

    await append('timed', 'a-1', 'T', 1, 2, 3, 4);
    await withClient(database.url, (client) =>
      client.query(
        "update concord.events set recorded_at = timestamptz '2020-01-01Z' + stream_position * interval '1 day' where tenant_id = 'timed'",
      ),
    );
    const timed = async (...args: string[]) => numbers(parsed((await run('replay', '--tenant', 'timed', ...args)).out));
    expect(await timed('--from', '2020-01-02', '--to', '2020-01-03T12:00:00Z')).toEqual([2, 3]);
    expect(await timed('--from', '2020-01-02T00:00:00.001Z')).toEqual([3, 4]);
    expect(await run('replay', '--tenant', 'timed', '--from', '2021-01-01')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('0 events replayed: there is nothing in between'),
    });
  });

  it('keeps the pace, times a factor; a signal ends it, and it goes on behind the last', async () => {
    // A day is a second.
    const started = startFile(
      'apps/concord/src/main.ts',
      database.url,
      'replay',
      '--tenant',
      'timed',
      '--speed',
      '86400',
    );
    const times: number[] = [];
    started.process.stdout?.on('data', () => {
      times.push(Date.now());
      if (times.length === 3) started.process.kill('SIGINT');
    });
    const { code, out, err } = await started.ended;
    expect([code, numbers(parsed(out))]).toEqual([130, [1, 2, 3]]);
    const [first = 0, , third = 0] = times;
    expect(third - first).toBeGreaterThan(1900);
    expect(third - first).toBeLessThan(4000);
    const next = /broken off; go on with --from (\d+)\n$/.exec(err)?.[1] ?? '';
    expect(numbers(parsed((await run('replay', '--tenant', 'timed', '--from', next)).out))).toEqual([4]);
  });

  it('ends with 0 when its reader has enough', async () => {
    const started = startFile('apps/concord/src/main.ts', database.url, 'replay');
    await once(started.process.stdout!, 'data');
    started.process.stdout?.destroy();
    const { code, err } = await started.ended;
    expect([code, err]).toEqual([
      0,
      expect.stringMatching(/^concord: \d+ events? replayed.*broken off; go on with --from \d+\n$/),
    ]);
  });
});

describe('replay to a URL', () => {
  let server: Server;
  let url: string;
  let answer: (events: readonly Line[], request: IncomingMessage) => number | 'drop';
  const keys: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      void text(request).then((body) => {
        keys.push(String(request.headers['idempotency-key']));
        const status = answer((JSON.parse(body) as { events: Line[] }).events, request);
        if (status === 'drop') request.socket.destroy();
        else response.writeHead(status, { 'retry-after': '0' }).end('so it is');
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`;
  });
  afterAll(() => server.close());
  beforeEach(() => keys.splice(0));

  it('repeats a batch until it is taken, with the same key, and loses and repeats no event that was', async () => {
    const taken: Line[] = [];
    const troubles: (number | 'drop')[] = [503, 'drop', 429, 200, 500];
    answer = (events, request) => {
      expect(request.headers['authorization']).toBe('Bearer x');
      const status = troubles.shift() ?? 204;
      if (status === 200 || status === 204) taken.push(...events);
      return status;
    };
    const { code, out, err } = await run(
      'replay',
      '--tenant',
      'two',
      '--to-url',
      url,
      '--header',
      'authorization: Bearer x',
      '--batch',
      '64',
    );
    expect([code, out, numbers(taken)]).toEqual([0, '', numbers(parsed((await run('replay', '--tenant', 'two')).out))]);
    expect(err).toMatch(/it answered 503 so it is; again in 0.0 s \(1 of 10\)\n(.*\n)*concord: 500 events replayed/);
    expect([keys.length, new Set(keys).size, new Set(keys.slice(0, 4)).size]).toEqual([12, 8, 1]);
  });

  it('ends with 1 when it is refused, and goes on behind what was taken', async () => {
    const taken: Line[] = [];
    let isRefusing = true;
    answer = (events) => {
      if (isRefusing && taken.length >= 20) return 422;
      taken.push(...events);
      return 200;
    };
    const args = ['replay', '--tenant', 'two', '--to-url', url, '--batch', '10'];
    const refused = await run(...args);
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringContaining('refused a batch: it answered 422 so it is'),
    });
    const next = /20 events replayed.*broken off; go on with --from (\d+)\n/.exec(refused.err)?.[1] ?? '';
    isRefusing = false;
    expect((await run(...args, '--from', next)).code).toBe(0);
    expect([taken.length, new Set(taken.map(({ id }) => id)).size]).toEqual([500, 500]);
  });

  it('gives up after so many repeats', async () => {
    answer = () => 500;
    const { code, err } = await run('replay', '--tenant', 'two', '--to-url', url, '--retries', '2');
    expect([code, err, keys.length]).toEqual([1, expect.stringContaining('gave up on after 3 attempts'), 3]);
  });
});
