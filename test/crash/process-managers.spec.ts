// Process managers in real processes: killed between every two things they do, stopped beyond their lease, two at once.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { until } from '../fixtures/group-member.js';
import { ask, historyOf, openPayoutNode, type PayoutNode, Purse, purse, Put } from '../fixtures/payouts.js';
import { startProcess } from '../fixtures/process-under-test.js';
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';

const children: ChildProcess[] = [];
const nodes: PayoutNode[] = [];
const databases: TestDatabase[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  await Promise.all(databases.splice(0).map((database) => database.drop()));
});

const ENDS = ['completed', 'compensated'];
const GOOD = [
  'ProcessStarted',
  'ProcessCommandSettled',
  'ProcessTimerFired',
  'ProcessCommandSettled',
  'ProcessCommandSettled',
];
const BAD = [
  'ProcessStarted',
  'ProcessCommandSettled',
  'ProcessTimerFired',
  'ProcessCommandSettled',
  'ProcessStepCompensated',
  'ProcessCompensated',
  'ProcessCommandSettled',
];

class Turn extends DomainCommand<{ readonly purse: string; readonly closed: boolean }> {}

function turn({ store }: PayoutNode, id: string, closed: boolean): Promise<unknown> {
  const command = new Turn({ purse: id, closed });
  return new CommandPipeline(store).run(command, async () => (await new Aggregates().load(Purse, id)).turn(closed));
}

/** A bank with 100 in a purse, one pay-out of 30 from it that is asked for, to a purse that is closed or not. */
async function world(closed: boolean): Promise<{ readonly url: string; readonly node: PayoutNode }> {
  const database = await createTestDatabase();
  databases.push(database);
  const node = await openPayoutNode(database.url);
  nodes.push(node);
  await runInTenant('t', async () => {
    await node.execute(new Put({ purse: 'from', amount: 100 }));
    if (closed) await turn(node, 'to', true);
    await ask(node.store, { id: 'p', from: 'from', to: 'to', amount: 30 });
  });
  return { url: database.url, node };
}

async function start(url: string, ...point: string[]): Promise<ChildProcess> {
  const { process } = await startProcess('payout-process.ts', url, ...point);
  children.push(process);
  return process;
}

async function killedAt(url: string, point: string): Promise<void> {
  // It may die before it has said that it has started.
  const child = await start(url, point, 'kill').catch((error: unknown) => error);
  if (child instanceof Error) return;
  const { signalCode } = child as ChildProcess;
  const signal = signalCode ?? ((await once(child as ChildProcess, 'exit')) as [unknown, string])[1];
  expect([point, signal]).toEqual([point, 'SIGKILL']);
}

function hasEnded(node: PayoutNode, id = 'p'): () => Promise<boolean> {
  return () =>
    runInTenant('t', async () => ENDS.includes((await node.processes.find('payout', id))?.status ?? 'expected'));
}

const sums = (node: PayoutNode, ...ids: string[]): Promise<Record<string, number[]>> =>
  runInTenant('t', async () => {
    const found: Record<string, number[]> = {};
    for (const id of ids) {
      const { sum, events } = await purse(node.store, id);
      found[id] = [sum, events];
    }
    return found;
  });

const POINTS: [what: string, point: string, closed: boolean][] = [
  ['handed over, nothing appended', 'recording ProcessStarted', false],
  ['state appended, command not sent', 'recorded ProcessStarted', false],
  ['command sent, not recorded', 'after Take from', false],
  ['timer fired, not recorded', 'recording ProcessTimerFired', false],
  ['ended, not given back', 'after Put paid', false],
  ['refused, not recorded', 'after Put to', true],
  ['failed, compensation not sent', 'before Put from', true],
  ['compensation sent, not recorded', 'recording ProcessStepCompensated', true],
];

it('killed at any point, it ends as if it had not been: each command applied once', async () => {
  // All come to their end, whatever one of them comes to: they are closed after this.
  const ended = await Promise.allSettled(
    POINTS.map(async ([what, point, closed]) => {
      const { url, node } = await world(closed);
      await killedAt(url, point);
      await node.runtime.start();
      await until(what, hasEnded(node), 20_000);
      const history = await runInTenant('t', () => historyOf(node.store, 'process_payout-p'));
      const found = await sums(node, 'from', 'to', 'paid', 'failed');
      const expected = closed
        ? { from: [100, 3], to: [0, 1], paid: [0, 0], failed: [1, 1] }
        : { from: [70, 2], to: [30, 1], paid: [1, 1], failed: [0, 0] };
      expect([what, history, found]).toEqual([what, closed ? BAD : GOOD, expected]);
    }),
  );
  expect(ended.filter(({ status }) => status === 'rejected')).toEqual([]);
}, 90_000);

it('who was stopped beyond its lease applies nothing that was refused meanwhile, whatever holds now', async () => {
  const { url, node } = await world(false);
  const child = await start(url, 'before Put to', 'stop');
  const isBefore = async (): Promise<boolean> =>
    (await runInTenant('t', () => historyOf(node.store, 'process_payout-p'))).length === 3;
  await until('it has stopped before it pays', isBefore);
  await runInTenant('t', () => turn(node, 'to', true));

  await node.runtime.start();
  await until('another one has taken over', hasEnded(node));
  await runInTenant('t', () => turn(node, 'to', false));
  child.kill('SIGCONT');
  child.send('leave');
  await once(child, 'exit');
  expect(await sums(node, 'from', 'to', 'paid', 'failed')).toEqual({
    from: [100, 3],
    to: [0, 2],
    paid: [0, 0],
    failed: [1, 1],
  });
  expect(await runInTenant('t', () => historyOf(node.store, 'process_payout-p'))).toEqual(BAD);
}, 60_000);

it('who was stopped beyond its lease records nothing on an old state', async () => {
  const { url, node } = await world(false);
  const child = await start(url, 'recording ProcessTimerFired', 'stop');
  const isBefore = async (): Promise<boolean> =>
    (await runInTenant('t', () => historyOf(node.store, 'process_payout-p'))).length === 2;
  await until('it has stopped before it records the timer', isBefore);
  await node.runtime.start();
  await until('another one has taken over', hasEnded(node));
  child.kill('SIGCONT');
  child.send('leave');
  await once(child, 'exit');
  expect(await sums(node, 'from', 'to', 'paid')).toEqual({ from: [70, 2], to: [30, 1], paid: [1, 1] });
  expect(await runInTenant('t', () => historyOf(node.store, 'process_payout-p'))).toEqual(GOOD);
}, 60_000);

it('two instances of the app at once, one of them killed on the way: each command is applied once', async () => {
  const { url, node } = await world(false);
  const child = await start(url);
  await node.runtime.start();
  const ids = Array.from({ length: 60 }, (_, n) => `p-${n}`);
  await runInTenant('t', async () => {
    await node.execute(new Put({ purse: 'from', amount: 60 }));
    for (const [n, id] of ids.entries()) {
      await ask(node.store, { id, from: 'from', to: `to-${n % 7}`, amount: 1 });
      if (n === 40) child.kill('SIGKILL');
    }
  });
  for (const id of [...ids, 'p']) await until(id, hasEnded(node, id));
  const { from, paid } = await sums(node, 'from', 'paid');
  // 100 and 60 put in, 30 and 60 times 1 taken out.
  expect({ from, paid }).toEqual({ from: [70, 2 + 61], paid: [61, 61] });
}, 60_000);
