// Many at once: who waits costs no connection, and nobody waits for ever.
import { type Database, OwnershipLost } from '@concord/database';
import type { StreamName } from '@concord/kernel';
import type { LockOwner, LockService } from '@concord/locking';
import { ask, hold, type LockStores, newStream, refusal, type TwoServices } from './kit.js';

export function crowds(stores: LockStores): void {
  let two: TwoServices;
  beforeAll(async () => (two = await stores.open({ poolSize: 2 })));
  afterAll(() => two.close());

  it('2,000 that wait leave the connections to others, and each gets its turn', async () => {
    const stream = newStream();
    const holder = await hold(two.b, stream);
    let inside = 0;
    let most = 0;
    const all = Array.from({ length: 2000 }, async (_, n) => {
      const service = n % 2 ? two.a : two.b;
      const owner = await hold(service, stream, 'X', { waitMs: 50_000 });
      most = Math.max(most, (inside += 1));
      await Promise.resolve();
      inside -= 1;
      void service.release(owner);
    });
    const another = await hold(two.a, newStream());
    expect(await two.databases.a.query({ text: 'select 1 as one' })).toEqual([{ one: 1 }]);
    await two.a.release(another);
    await two.b.release(holder);
    await Promise.all(all);
    expect(most).toBe(1);
    expect(await refusal(ask(two.a, stream))).toBe('granted');
  });

  it('transactions that hold every connection still get locks', async () => {
    const work = Array.from({ length: 6 }, () =>
      two.databases.a.transaction(async () => {
        await two.databases.a.query({ text: 'select 1' });
        const owner = await hold(two.a, newStream());
        await two.a.fence(owner);
        return owner;
      }),
    );
    for (const owner of await Promise.all(work)) await two.a.release(owner);
  });

  it('50 owners that want 4 streams in any order are all served, and none overlooks another', async () => {
    const streams = [newStream(), newStream(), newStream(), newStream()];
    const { a, b } = two.databases;
    await a.query({ text: 'create table if not exists counters (stream text primary key, count integer)' });
    for (const stream of streams) await a.query({ text: 'insert into counters values ($1, 0)' }, [stream]);
    let wounded = 0;
    const serve = async (n: number): Promise<void> => {
      const [service, database] = n % 2 ? [two.a, a] : [two.b, b];
      for (let owner = service.begin(); ; owner = service.again(owner)) {
        const isServed = await countEach(service, database, owner, shuffled(streams));
        await service.release(owner);
        if (isServed) return;
        wounded += 1;
      }
    };
    await Promise.all(Array.from({ length: 50 }, (_, n) => serve(n)));
    const counts = await a.query({ text: 'select count from counters where stream = any ($1)' }, [streams]);
    expect(counts).toEqual(streams.map(() => ({ count: 50 })));
    // Or there was nothing to resolve.
    expect(wounded).toBeGreaterThan(0);
    expect((await two.a.waits()).filter(({ stream }) => streams.includes(stream))).toEqual([]);
  });
}

/** Locks each stream in this order, and then adds one to the counter of each; false when it was wounded meanwhile. */
async function countEach(
  service: LockService,
  database: Database,
  owner: LockOwner,
  streams: readonly StreamName[],
): Promise<boolean> {
  const counts: number[] = [];
  for (const stream of streams) {
    const asked = ask(service, stream, 'X', { owner, waitMs: 50_000 });
    const code = await refusal(asked);
    if (code === 'owner-wounded') return false;
    expect(code).toBe('granted');
    // Read here and written later: whoever comes between is lost.
    const [row] = await database.query<{ count: number }>({ text: 'select count from counters where stream = $1' }, [
      stream,
    ]);
    counts.push(row!.count);
  }
  try {
    await database.transaction(async () => {
      await service.fence(owner);
      for (const [n, stream] of streams.entries()) {
        await database.query({ text: 'update counters set count = $2 where stream = $1' }, [stream, counts[n]! + 1]);
      }
    });
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(OwnershipLost);
    return false;
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item);
}
