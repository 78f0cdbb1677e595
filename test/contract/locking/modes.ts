// Who may hold a lock beside whom, who comes next, and who has to give way.
import { ask, hold, type LockStores, newStream, refusal, tokenOf, type TwoServices, waiting } from './kit.js';
import { runInTenant } from '@concord/tenancy';

export function modes(stores: LockStores): void {
  let two: TwoServices;
  beforeAll(async () => (two = await stores.open()));
  afterAll(() => two.close());

  it.each(['same process', 'other process'])('X excludes everybody: %s', async (where) => {
    const other = where === 'same process' ? two.a : two.b;
    const stream = newStream();
    const first = await hold(two.a, stream);
    const others = (['S', 'U', 'X'] as const).map((mode) => ask(other, stream, mode));
    await waiting(two.a, stream, 3);
    expect(others.map(({ isOver }) => isOver)).toEqual([false, false, false]);
    await two.a.release(first);
    // The reader and the one who may write later share it; the writer waits for both.
    expect(await Promise.all(others.slice(0, 2).map(refusal))).toEqual(['granted', 'granted']);
    await waiting(two.a, stream, 1);
    expect(others[2]!.isOver).toBe(false);
    await other.release(others[0]!.owner);
    await waiting(two.a, stream, 1);
    expect(others[2]!.isOver).toBe(false);
    await other.release(others[1]!.owner);
    expect(await refusal(others[2]!)).toBe('granted');
    await other.release(others[2]!.owner);
  });

  it('locks of other streams and of other tenants are others', async () => {
    const stream = newStream();
    const first = await hold(two.a, stream);
    const others = [await hold(two.b, newStream()), two.b.begin()] as const;
    const elsewhere = await runInTenant('elsewhere', () => two.b.acquire(others[1], [{ stream, mode: 'X' }]));
    expect(elsewhere.outcome).toBe('granted');
    await Promise.all([two.a.release(first), ...others.map((one) => two.b.release(one))]);
  });

  it('S is shared', async () => {
    const stream = newStream();
    const readers = [await hold(two.a, stream, 'S'), await hold(two.a, stream, 'S')];
    const other = await hold(two.b, stream, 'S');
    await Promise.all([...readers.map((one) => two.a.release(one)), two.b.release(other)]);
  });

  it('first come, first served, across processes', async () => {
    const stream = newStream();
    const first = await hold(two.a, stream);
    const served: number[] = [];
    const all: Promise<void>[] = [];
    // Begun later: younger.
    for (let n = 0; n < 20; n += 1) {
      const service = n % 3 ? two.a : two.b;
      const asked = ask(service, stream);
      await waiting(two.b, stream, n + 1);
      all.push(
        asked.outcome.then(async () => {
          served.push(n);
          await service.release(asked.owner);
        }),
      );
    }
    await two.a.release(first);
    await Promise.all(all);
    expect(served).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  it('who reads does not pass by who waits to write', async () => {
    const stream = newStream();
    const reader = await hold(two.a, stream, 'S');
    const writer = ask(two.b, stream, 'X');
    await waiting(two.a, stream, 1);
    const late = ask(two.a, stream, 'S');
    await waiting(two.a, stream, 2);
    await two.a.release(reader);
    expect(await refusal(writer)).toBe('granted');
    expect(late.isOver).toBe(false);
    await two.b.release(writer.owner);
    expect(await refusal(late)).toBe('granted');
    await two.a.release(late.owner);
  });

  it('a writer gets its turn in a stream of readers', async () => {
    const stream = newStream();
    let isWritten = false;
    let reads = 0;
    const reading = [two.a, two.b, two.a, two.b].map(async (service) => {
      while (!isWritten) {
        const owner = await hold(service, stream, 'S');
        reads += 1;
        await service.release(owner);
      }
    });
    const writer = await hold(two.b, stream, 'X');
    isWritten = true;
    const before = reads;
    await two.b.release(writer);
    await Promise.all(reading);
    // Those who were waiting behind it.
    expect(reads - before).toBeLessThanOrEqual(4);
  });

  it('is given again to who has it, with the same token, for as long as it has it', async () => {
    const stream = newStream();
    const owner = two.a.begin();
    const once = await tokenOf(ask(two.a, stream, 'X', { owner }));
    for (const mode of ['X', 'U', 'S'] as const) expect(await tokenOf(ask(two.a, stream, mode, { owner }))).toBe(once);
    const same = [1, 2, 3].map(() => ask(two.a, [stream, newStream()], 'X', { owner }));
    expect(await Promise.all(same.map(refusal))).toEqual(['granted', 'granted', 'granted']);
    await two.a.release(owner);
    await two.b.release(await hold(two.b, stream));
  });

  it('two that mean to write later take turns, beside readers', async () => {
    const stream = newStream();
    const reader = await hold(two.a, stream, 'S');
    const elder = two.b.begin();
    const first = await hold(two.a, stream, 'U');
    const second = ask(two.b, stream, 'U');
    await waiting(two.a, stream, 1);
    const later = await hold(two.b, stream, 'S', { owner: elder });
    const writes = ask(two.a, stream, 'X', { owner: first });
    await waiting(two.a, stream, 2);
    await two.a.release(reader);
    // Older than `first`, which goes on as soon as they have read.
    expect(writes.isOver).toBe(false);
    await two.b.release(later);
    expect(await refusal(writes)).toBe('granted');
    expect(second.isOver).toBe(false);
    await two.a.release(first);
    expect(await refusal(second)).toBe('granted');
    expect(second.owner.signal.aborted).toBe(false);
    await two.b.release(second.owner);
  });

  it('of two readers that both want to write, the younger gives way and comes back as old as it was', async () => {
    const stream = newStream();
    const older = await hold(two.a, stream, 'S');
    const younger = await hold(two.b, stream, 'S');
    const waits = ask(two.b, stream, 'X', { owner: younger });
    await waiting(two.a, stream, 1);
    expect(await refusal(ask(two.a, stream, 'X', { owner: older }))).toBe('granted');
    expect(await refusal(waits)).toBe('owner-wounded');
    await two.b.release(younger);
    const again = two.b.again(younger);
    expect(again).toMatchObject({ started: younger.started, origin: younger.origin });
    const youngest = ask(two.a, stream, 'X');
    await waiting(two.a, stream, 1);
    const retried = ask(two.b, stream, 'X', { owner: again });
    await waiting(two.a, stream, 2);
    await two.a.release(older);
    expect(await refusal(retried)).toBe('granted');
    expect(youngest.isOver).toBe(false);
    await two.b.release(again);
    expect(await refusal(youngest)).toBe('granted');
    await two.a.release(youngest.owner);
  });
}
