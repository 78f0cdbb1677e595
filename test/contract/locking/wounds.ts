// Wound-wait, time limits, fencing tokens, and locks that were prepared.
import { OwnershipLost } from '@concord/database';
import { LockWaitTimeout } from '@concord/locking';
import { ask, hold, type LockStores, newStream, refusal, tokenOf, type TwoServices, until, waiting } from './kit.js';

export function wounds(stores: LockStores): void {
  let two: TwoServices;
  // No heartbeat comes to the rescue of a hint.
  beforeAll(async () => (two = await stores.open({ leaseMs: 3_600_000 })));
  afterAll(() => two.close());

  it('an older owner takes the lock of a younger one, which hears of it and can commit nothing', async () => {
    const stream = newStream();
    const older = two.a.begin();
    const younger = await hold(two.b, [stream, newStream()]);
    const token = await tokenOf(ask(two.b, stream, 'X', { owner: younger }));
    await two.databases.b.transaction(() => two.b.fence(younger));
    expect(await tokenOf(ask(two.a, stream, 'X', { owner: older }))).toBeGreaterThan(token);
    // Before it could have heard.
    await expect(
      two.databases.b.transaction(async () => {
        await two.b.fence(younger);
      }),
    ).rejects.toThrow(OwnershipLost);
    await until('the wound', () => younger.signal.aborted);
    expect(younger.signal.reason).toMatchObject({ code: 'owner-wounded' });
    expect(await refusal(ask(two.b, newStream(), 'S', { owner: younger }))).toBe('owner-wounded');
    await Promise.all([two.b.release(younger), two.a.release(older)]);
  });

  it('a fence that nobody waits for fails the commit, with all that is in it', async () => {
    const { b } = two.databases;
    const stream = newStream();
    const older = two.a.begin();
    const younger = await hold(two.b, stream);
    await tokenOf(ask(two.a, stream, 'X', { owner: older }));
    await b.query({ text: 'create table if not exists fenced (stream text)' });
    const committing = b.transaction(() => {
      // As a command has it: only the commit is waited for.
      two.b.fence(younger).catch(() => undefined);
      b.query({ text: 'insert into fenced values ($1)' }, [stream]).catch(() => undefined);
      return Promise.resolve();
    });
    await expect(committing).rejects.toThrow(OwnershipLost);
    expect(await b.query({ text: 'select 1 from fenced where stream = $1' }, [stream])).toEqual([]);
    await Promise.all([two.b.release(younger), two.a.release(older)]);
  });

  it('a younger owner waits for an older one', async () => {
    const stream = newStream();
    const older = await hold(two.b, stream);
    const younger = ask(two.a, stream);
    await waiting(two.a, stream, 1);
    await two.databases.b.transaction(() => two.b.fence(older));
    await two.b.release(older);
    expect(await refusal(younger)).toBe('granted');
    await two.a.release(younger.owner);
  });

  it('nobody takes a lock from who is committing', async () => {
    const stream = newStream();
    const older = two.a.begin();
    const younger = await hold(two.b, stream);
    let waits!: ReturnType<typeof ask>;
    await two.databases.b.transaction(async () => {
      await two.b.fence(younger);
      waits = ask(two.a, stream, 'X', { owner: older });
      await waiting(two.a, stream, 1);
      expect(younger.signal.aborted).toBe(false);
    });
    // Committed: now it may be taken, or released.
    expect(await refusal(waits)).toBe('granted');
    await Promise.all([two.b.release(younger), two.a.release(older)]);
  });

  it('a prepared owner is never wounded, and its release by anybody lets the next one in', async () => {
    const stream = newStream();
    const older = two.a.begin();
    const younger = await hold(two.b, stream);
    await two.databases.b.transaction(() => two.b.prepare(younger));
    const waits = ask(two.a, stream, 'X', { owner: older });
    await waiting(two.a, stream, 1);
    await two.b.release(younger);
    const [listed] = (await two.a.locks()).filter((lock) => lock.stream === stream);
    expect(listed).toMatchObject({ owner: younger.id, prepared: true });
    expect(waits.isOver).toBe(false);
    await two.databases.a.transaction(() => two.a.releasePrepared(younger.id));
    expect(await refusal(waits)).toBe('granted');
    await two.a.release(older);
  });

  it('what is prepared in a transaction that fails is not', async () => {
    const stream = newStream();
    const older = two.a.begin();
    const younger = await hold(two.b, stream);
    const failing = two.databases.b.transaction(async () => {
      await two.b.prepare(younger);
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(await refusal(ask(two.a, stream, 'X', { owner: older }))).toBe('granted');
    await Promise.all([two.b.release(younger), two.a.release(older)]);
  });

  it('a wait ends in time, and tells who was in the way', async () => {
    const stream = newStream();
    const holder = await hold(two.a, stream, 'S');
    const waits = ask(two.b, stream, 'X', { waitMs: 50 });
    const outcome = await waits.outcome;
    expect(outcome).toMatchObject({ outcome: 'refused', error: { code: 'lock-wait-timeout', stream } });
    const error = (outcome as { error: LockWaitTimeout }).error;
    expect(error).toBeInstanceOf(LockWaitTimeout);
    expect(error.holders).toEqual([{ owner: holder.id, label: 'service a', mode: 'S', prepared: false, holds: true }]);
    expect(error.message).toContain(`${holder.id} (S) of service a`);
    // It waits no more, and is in nobody's way.
    await waiting(two.a, stream, 0);
    const reader = await hold(two.a, stream, 'S');
    await Promise.all([two.a.release(holder), two.a.release(reader), two.b.release(waits.owner)]);
  });

  it('fencing tokens of a stream only grow', async () => {
    const stream = newStream();
    const tokens: bigint[] = [];
    for (let n = 0; n < 10; n += 1) {
      const service = n % 2 ? two.a : two.b;
      const asked = ask(service, stream, n % 3 ? 'X' : 'S');
      tokens.push(await tokenOf(asked));
      await service.release(asked.owner);
    }
    expect(tokens).toEqual(tokens.toSorted((x, y) => (x < y ? -1 : 1)));
    expect(new Set(tokens).size).toBe(10);
  });

  it('shows who holds, who waits, and for whom', async () => {
    const stream = newStream();
    const holder = await hold(two.a, stream, 'U');
    const first = ask(two.b, stream, 'X');
    await waiting(two.a, stream, 1);
    const second = ask(two.b, stream, 'S');
    await waiting(two.a, stream, 2);
    const locks = (await two.b.locks()).filter((lock) => lock.stream === stream);
    expect(locks).toEqual([
      expect.objectContaining({ owner: holder.id, mode: 'U', label: 'service a', prepared: false }),
    ]);
    const waits = (await two.b.waits()).filter((wait) => wait.stream === stream);
    expect(waits.map(({ owner, waitsFor }) => [owner, waitsFor.owner, waitsFor.holds])).toEqual([
      [first.owner.id, holder.id, true],
      [second.owner.id, first.owner.id, false],
    ]);
    await two.a.release(holder);
    await first.outcome;
    await two.b.release(first.owner);
    await second.outcome;
    await two.b.release(second.owner);
    expect((await two.b.locks()).filter((lock) => lock.stream === stream)).toEqual([]);
  });

  it('who releases while it waits does not get it any more', async () => {
    const stream = newStream();
    const holder = await hold(two.a, stream);
    const waits = ask(two.b, stream);
    await waiting(two.a, stream, 1);
    await two.b.release(waits.owner);
    await expect(waits.outcome).rejects.toMatchObject({ code: 'invalid-argument' });
    // Asked and released in one breath.
    const hasty = ask(two.b, stream);
    const released = two.b.release(hasty.owner);
    await expect(hasty.outcome).rejects.toMatchObject({ code: 'invalid-argument' });
    await released;
    await two.a.release(holder);
    await two.a.release(await hold(two.a, stream));
  });
}
