// Locks of processes that die, or stop for longer than their lease.
import type { ChildProcess } from 'node:child_process';
import { OwnershipLost } from '@concord/database';
import type { StreamName } from '@concord/kernel';
import { ended, startProcess } from '../../fixtures/process-under-test.js';
import { ask, hold, type LockStores, newStream, refusal, tokenOf, type TwoServices, until, waiting } from './kit.js';

interface Said {
  readonly holds?: string;
  readonly lost?: string;
  readonly fenced?: string;
}

export function leases(stores: LockStores): void {
  let two: TwoServices;
  let children: ChildProcess[] = [];
  beforeAll(async () => (two = await stores.open({ leaseMs: 1000 })));
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(ended));
    children = [];
  });
  afterAll(() => two.close());

  async function holdElsewhere(streams: readonly StreamName[], what = 'hold') {
    const started = await startProcess<Said>('lock-holder-process.ts', two.url, two.redisUrl ?? '', what, ...streams);
    children.push(started.process);
    const said = [started.message];
    started.process.on('message', (message) => said.push(message as Said));
    return { process: started.process, token: BigInt(started.message.holds!), said };
  }

  it.each(['waits', 'comes later'])(
    'a process that is killed loses its locks within its lease: somebody %s',
    async (when) => {
      const [stream, another] = [newStream(), newStream()];
      const { process, token } = await holdElsewhere([stream, another]);
      const early = when === 'waits' ? ask(two.a, stream) : undefined;
      if (early) await waiting(two.b, stream, 1);
      process.kill('SIGKILL');
      await ended(process);
      if (!early) {
        // On a busy machine they may have lost their own leases, and begin others as they go on.
        await until('reaped by whoever is there', async () => {
          await two.a.release(await hold(two.a, newStream()));
          return !(await two.b.locks()).some((lock) => lock.stream === stream);
        });
      }
      const asked = early ?? ask(two.a, stream);
      expect(await tokenOf(asked)).toBeGreaterThan(token);
      await two.a.release(asked.owner);
      await two.b.release(await hold(two.b, another));
    },
  );

  it('a process that is stopped beyond its lease can commit nothing when it wakes up, and hears why', async () => {
    const stream = newStream();
    const holder = await holdElsewhere([stream]);
    holder.process.kill('SIGSTOP');
    const asked = ask(two.a, stream);
    expect(await tokenOf(asked)).toBeGreaterThan(holder.token);
    holder.process.send('fence');
    holder.process.kill('SIGCONT');
    await until('its fence', () => holder.said.some(({ fenced }) => fenced));
    expect(holder.said.find(({ fenced }) => fenced)).toEqual({ fenced: 'ownership-lost' });
    await until('its loss', () => holder.said.some(({ lost }) => lost));
    expect(holder.said.find(({ lost }) => lost)).toEqual({ lost: 'lease-lost' });
    await two.databases.a.transaction(() => two.a.fence(asked.owner));
    // It goes on with a new lease.
    await two.a.release(asked.owner);
    holder.process.send('again');
    await until('the lock again', () => holder.said.filter(({ holds }) => holds).length === 2);
  });

  it('a process that is killed keeps what it has prepared', async () => {
    const [stream, another] = [newStream(), newStream()];
    const { process } = await holdElsewhere([stream], 'prepare');
    const alive = await holdElsewhere([another]);
    process.kill('SIGKILL');
    await ended(process);
    alive.process.kill('SIGKILL');
    // Its lease ended no sooner.
    await two.a.release(await hold(two.a, another));
    const [listed] = (await two.a.locks()).filter((lock) => lock.stream === stream);
    expect(listed).toMatchObject({ prepared: true });
    const waits = ask(two.a, stream, 'S', { waitMs: 1500 });
    expect(await refusal(waits)).toBe('lock-wait-timeout');
    await two.a.release(waits.owner);
    await two.databases.b.transaction(() => two.b.releasePrepared(listed!.owner));
    await two.a.release(await hold(two.a, stream));
  });

  it('a process that is there keeps its locks beyond its lease', async () => {
    const stream = newStream();
    // A busy machine may keep a process from its heartbeats for a whole lease: then it has lost it, and tries once more.
    for (let attempt = 1; ; attempt += 1) {
      const holder = await hold(two.a, stream);
      const waits = ask(two.b, stream, 'X', { waitMs: 2500 });
      const outcome = await refusal(waits);
      await two.b.release(waits.owner);
      if (outcome === 'lock-wait-timeout' && !holder.signal.aborted) {
        await two.databases.a.transaction(() => two.a.fence(holder));
        await two.a.release(holder);
        return;
      }
      await two.a.release(holder);
      if (attempt === 5) throw new Error(`after five attempts still: ${outcome}, ${String(holder.signal.reason)}`);
    }
  });

  it('a service that is closed leaves its locks at once', async () => {
    const other = await stores.open();
    const stream = newStream();
    const holder = await hold(other.a, stream);
    const waits = ask(other.b, stream);
    await waiting(other.b, stream, 1);
    await other.a.close();
    expect(holder.signal.reason).toMatchObject({ code: 'lease-lost' });
    await expect(other.databases.a.transaction(() => other.a.fence(holder))).rejects.toThrow(OwnershipLost);
    expect(await refusal(waits)).toBe('granted');
    await other.close();
  });
}
