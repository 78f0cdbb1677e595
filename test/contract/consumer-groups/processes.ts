// Consumer groups of real processes: stopped beyond their lease, killed, joining and leaving while events come in.
import type { ChildProcess } from 'node:child_process';
import { newId, type StreamName } from '@concord/kernel';
import type { ConsumerGroupOptions } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { appendTo, countHandled, handled, type Node, openNode, until } from '../../fixtures/group-member.js';
import { ended, startProcess } from '../../fixtures/process-under-test.js';
import type { GroupStores, Ground } from './kit.js';

interface Said {
  readonly joined?: string;
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
  const group = 'spec';
  const clean = { missing: 0, repeated: 0, disordered: 0 };
  let ground: Ground;
  let looker: Node;
  let children: ChildProcess[] = [];

  beforeEach(async () => {
    ground = await stores.open();
    looker = await openNode(ground.places);
    children = [];
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(ended));
    await looker.close();
    await ground.close();
  });

  async function start(options: Partial<ConsumerGroupOptions>): Promise<Member> {
    const started = await startProcess<Said>(
      'group-member-process.ts',
      JSON.stringify(ground.places),
      JSON.stringify(options),
    );
    children.push(started.process);
    const said = [started.message];
    started.process.on('message', (message) => said.push(message as Said));
    await until('joined', () => said.some(({ joined }) => joined));
    return { process: started.process, memberId: said.find(({ joined }) => joined)!.joined!, said };
  }

  const allHandled = async (): Promise<boolean> => (await countHandled(looker, group)).missing === 0;
  const worked = (member: Member) => async (): Promise<boolean> =>
    (await handled(looker.database, group)).some((row) => row.member_id === member.memberId);
  const streams = (count: number): StreamName[] => Array.from({ length: count }, (_, n): StreamName => `order-${n}`);

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
    await until('a fair share', async () => {
      const { slices } = await looker.groups.describe(group);
      return slices.filter(({ memberId }) => memberId === stopped.memberId).length === 2;
    });
    await appendTo(looker.store, 't', streams(8), 2);
    await until('all handled', allHandled);
    expect(await countHandled(looker, group)).toEqual({ events: 35, ...clean });
  });

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
        while (!over.signal.aborted) await appendTo(looker.store, tenant, streams(20), 1);
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
  });
}
