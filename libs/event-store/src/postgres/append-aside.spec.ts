// What an append does that finds its stream locked while all places to wait in are taken.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, type Statement, TransientConflict } from '@concord/database';
import type { TenantId } from '@concord/tenancy';
import { AppendAside } from './append-aside.js';
import { type Chain, keysOf, type Waiting } from './append-batch.js';
import type { AppendedRow } from './rows.js';

const LONGEST_WAIT_MS = 10_000;
const row: AppendedRow = {
  last_stream_position: 0n,
  global_positions: ['1'],
  repeated: false,
  recorded_at: new Date(),
};

/** An append that came so long ago, and what becomes of it. */
function appended(
  stream: string,
  ago: number,
): { readonly chain: Chain<AppendedRow>; readonly came: Promise<AppendedRow> } {
  const events = [{ id: stream, type: 'Happened', data: '{}', metadata: '{}' }];
  const append = { tenant: 't' as TenantId, stream, expected: 'any', events, traced: undefined };
  const since = performance.now() - ago;
  let waiting!: Waiting<AppendedRow>;
  const came = new Promise<AppendedRow>((resolve, reject) => {
    waiting = { append, ...keysOf(append), size: 0, since, resolve, reject };
  });
  came.catch(() => undefined);
  return { chain: { key: stream, tenant: 't', stream, links: [waiting] }, came };
}

/** With one place to wait in, which somebody has until `leave`. `tryIt` answers those who do not wait. */
async function crowded(tryIt: (stream: string) => AppendedRow[]) {
  const waits: string[] = [];
  const first = Promise.withResolvers<AppendedRow[]>();
  const queryOutside = ({ name }: Statement, [, appends, stream]: readonly unknown[]): Promise<AppendedRow[]> => {
    if (name === 'concord:append-unless-locked')
      return Promise.resolve(stream === 'first' ? [] : tryIt(stream as string));
    waits.push((JSON.parse(appends as string) as { stream: string }[])[0]!.stream);
    return waits.length === 1 ? first.promise : Promise.resolve([row]);
  };
  const aside = new AppendAside({ poolSize: 4, queryOutside } as unknown as Database);
  const holder = appended('first', 0);
  void aside.settle(holder.chain);
  while (waits.length === 0) await sleep(1);
  const settle = (stream: string, ago: number): Promise<AppendedRow> => {
    const { chain, came } = appended(stream, ago);
    void aside.settle(chain);
    return came;
  };
  return { waits, settle, leave: () => first.resolve([row]) };
}

describe('an append to a locked stream, while nobody else can wait', () => {
  it('is tried again until the lock has gone', async () => {
    let tries = 0;
    const { settle, waits, leave } = await crowded(() => ((tries += 1) === 4 ? [row] : []));
    expect(await settle('second', 0)).toBe(row);
    expect([tries, waits]).toEqual([4, ['first']]);
    leave();
  });

  it('is tried once more when its time is up, and refused only then', async () => {
    const tried = new Map<string, number>();
    const end = performance.now() + 100;
    const { settle, leave } = await crowded((stream) => {
      tried.set(stream, performance.now());
      return stream === 'freed' && performance.now() >= end ? [row] : [];
    });
    const ago = LONGEST_WAIT_MS - (end - performance.now());
    const [freed, kept] = [settle('freed', ago), settle('kept', ago)];
    await expect(kept).rejects.toBeInstanceOf(TransientConflict);
    expect(await freed).toBe(row);
    expect(tried.get('kept')).toBeGreaterThanOrEqual(end);
    leave();
  });

  it('waits as soon as there is a place for it, in the order in which they came', async () => {
    const { settle, waits, leave } = await crowded(() => []);
    const others = ['second', 'third', 'fourth'].map((stream) => settle(stream, 0));
    await sleep(30);
    leave();
    await Promise.all(others);
    expect(waits).toEqual(['first', 'second', 'third', 'fourth']);
  });
});
