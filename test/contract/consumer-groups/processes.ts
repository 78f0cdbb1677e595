// Consumer groups of real processes: stopped or busy beyond their lease, killed, joining and leaving while events come in.
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@concord/kernel';
import type { ConsumerGroupOptions } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { appendTo, countHandled, handled, type Node, until } from '../../fixtures/group-member.js';
import { ended, startProcess } from '../../fixtures/process-under-test.js';
import { allHandled as allHandledBy, clean, group, type GroupStores, sceneOn, streams } from './kit.js';

interface Said {
  readonly joined?: string;
  readonly started?: string;
  readonly inHand?: string;
  readonly token?: number;
  readonly aborted?: string;
  readonly outcome?: string;
  readonly code?: string;
}

interface Member {
  readonly process: ChildProcess;
  readonly memberId: string;
  readonly said: Said[];
}

export function processes(stores: GroupStores): void {
  let looker: Node;
  let children: ChildProcess[] = [];

  // Before their stores are closed.
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(ended));
  });
  const scene = sceneOn(stores);
  beforeEach(async () => {
    looker = await scene.node();
    children = [];
  });

  async function start(options: Partial<ConsumerGroupOptions>, gate = ''): Promise<Member> {
    const started = await startProcess<Said>(
      'group-member-process.ts',
      JSON.stringify(scene.places),
      JSON.stringify(options),
      gate,
    );
    children.push(started.process);
    const said = [started.message];
    started.process.on('message', (message) => said.push(message as Said));
    await until('joined', () => said.some(({ joined }) => joined));
    return { process: started.process, memberId: said.find(({ joined }) => joined)!.joined!, said };
  }

  const allHandled = (): Promise<boolean> => allHandledBy(looker)();
  const worked = (member: Member) => async (): Promise<boolean> =>
    (await handled(looker.database, group)).some((row) => row.member_id === member.memberId);

  const share = (member: Member, slices: number) => async (): Promise<boolean> => {
    const state = await looker.groups.describe(group);
    return state.slices.filter(({ memberId }) => memberId === member.memberId).length === slices;
  };
  /** What it began as the first owner of its slices. */
  const begunAtFirst = ({ said }: Member): (string | undefined)[] =>
    said.flatMap(({ started, token }) => (started && token === 1 ? [started] : []));

  it('an owner that is stopped beyond its lease in the middle of an event is refused when it wakes up', async () => {
    const lease = { leaseMs: 1500, slices: 4 };
    const stopped = await start({ ...lease, label: 'stalls' });
    const stall = newId();
    await appendTo(looker.store, 't', ['order-1'], 2);
    await runInTenant('t', () =>
      looker.store.append({ stream: 'order-1', expected: 'any', events: [{ id: stall, type: 'Stalls', data: {} }] }),
    );
    await appendTo(looker.store, 't', streams(8), 2);
    await until('the event is in hand', () => stopped.said.some(({ inHand }) => inHand === stall));
    stopped.process.kill('SIGSTOP');

    const other = await start(lease);
    await until('the other has taken over and handled it all', allHandled);
    const before = await countHandled(looker, group);
    expect(before).toEqual({ events: 19, ...clean });
    // What the stopped one has written is still there, uncommitted.
    stopped.process.send('proceed');
    stopped.process.kill('SIGCONT');
    await until('the refusal', () => stopped.said.some(({ code }) => code === 'ownership-lost'));
    expect(stopped.said).toContainEqual({ aborted: stall });
    const rows = await handled(looker.database, group);
    const done = rows.filter((row) => row.event_id === stall);
    expect(done).toEqual([expect.objectContaining({ member_id: other.memberId })]);
    expect(Number(done[0]!.token)).toBeGreaterThan(stopped.said.find(({ inHand }) => inHand)!.token!);

    // It is a member like any other again.
    await until('a fair share', share(stopped, 2));
    await appendTo(looker.store, 't', streams(8), 2);
    await until('all handled', allHandled);
    expect(await countHandled(looker, group)).toEqual({ events: 35, ...clean });
  });

  it('at least once: an owner that is stopped beyond its lease begins nothing more under it when it wakes up', async () => {
    const lease = { leaseMs: 1500, slices: 4, delivery: 'at-least-once' } as const;
    const stopped = await start({ ...lease, label: 'stalls' });
    const stall = newId();
    await runInTenant('t', () =>
      looker.store.append({ stream: 'order-1', expected: 'any', events: [{ id: stall, type: 'Stalls', data: {} }] }),
    );
    await until('the event is in hand', () => stopped.said.some(({ inHand }) => inHand === stall));
    // Its other slices have work when it stops.
    await appendTo(looker.store, 't', streams(20), 2);
    stopped.process.kill('SIGSTOP');

    const other = await start(lease);
    const again = async (): Promise<boolean> =>
      (await handled(looker.database, group)).some((row) => row.event_id === stall && row.member_id === other.memberId);
    await until('the other has begun with it', again);
    await until('and handled it all', allHandled);
    const begun = begunAtFirst(stopped);
    stopped.process.send('proceed');
    stopped.process.kill('SIGCONT');
    await until('the refusal', () => stopped.said.some(({ code }) => code === 'ownership-lost'));
    expect(stopped.said).toContainEqual({ aborted: stall });
    await until('a fair share', share(stopped, 2));
    await appendTo(looker.store, 't', streams(8), 2);
    await until('all handled', allHandled);
    expect(begunAtFirst(stopped)).toEqual(begun);
  });

  // No timer, and so no signal, can tell it: only the clock.
  it.each(['exactly-once-in-database', 'at-least-once'] as const)(
    '%s: an owner whose handler keeps its process busy beyond the lease begins nothing more under it',
    async (delivery) => {
      const lease = { leaseMs: 1500, slices: 2, delivery };
      const folder = await mkdtemp(join(tmpdir(), 'concord-'));
      const gate = join(folder, 'gate');
      await appendTo(looker.store, 't', streams(8), 2);
      const busy = await start({ ...lease, label: 'blocks' }, gate);
      await until('an event in hand', () => begunAtFirst(busy).length > 0);
      await looker.join(lease);
      await until('the other has taken over and handled it all', allHandled);
      expect(await countHandled(looker, group)).toEqual({ events: 16, ...clean });
      writeFileSync(gate, '');

      await until('the refusal', () => busy.said.some(({ code }) => code === 'ownership-lost'));
      await until('a fair share', share(busy, 1));
      await appendTo(looker.store, 't', streams(8), 1);
      await until('all handled', allHandled);
      const begun = begunAtFirst(busy);
      expect(begun).toHaveLength(1);
      const rows = (await handled(looker.database, group)).filter(({ token }) => token === 1n);
      expect(rows.map((row) => row.event_id)).toEqual(delivery === 'at-least-once' ? begun : []);
      await rm(folder, { recursive: true });
    },
  );

  it('twenty slices over three processes, one killed, one joining, one leaving: every event once, in order', async () => {
    const options = { leaseMs: 1500, slices: 20, batchSize: 4 };
    const [first, second, third] = await Promise.all([start(options), start(options), start(options)]);
    await until('fair shares', async () => {
      const { slices } = await looker.groups.describe(group);
      const shares = Object.values(Object.groupBy(slices, ({ memberId }) => memberId ?? 'nobody')).map(
        (own) => own!.length,
      );
      return shares.sort((a, b) => a - b).join() === '6,7,7';
    });
    const over = new AbortController();
    const writing = Promise.all(
      ['t1', 't2', 't3'].map(async (tenant) => {
        while (!over.signal.aborted) {
          await appendTo(looker.store, tenant, streams(20), 1);
          // No faster than they are handled, also on a busy machine.
          await sleep(100);
        }
      }),
    );
    for (const member of [first, second, third]) await until('work by each', worked(member));
    first.process.kill('SIGKILL');
    const fourth = await start(options);
    await until('work by the new one', worked(fourth));
    second.process.send('leave');
    await ended(second.process);
    expect(second.process.exitCode).toBe(0);
    over.abort();
    await writing;
    await until('all handled', allHandled, 60_000);
    expect(await countHandled(looker, group)).toMatchObject(clean);
    await until('all owned by the two that are left', async () => {
      const { slices } = await looker.groups.describe(group);
      return slices.every(({ memberId }) => memberId === third.memberId || memberId === fourth.memberId);
    });
  }, 120_000);
}
