// Process managers over a real store: what goes wrong with one instance, what comes early, late or twice, and new versions.
import { DomainCommand } from '@concord/commanding';
import type { DomainEvent, RecordedEvent } from '@concord/kernel';
import { runInMessage } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { until } from '../../../../test/fixtures/group-member.js';
import {
  append,
  historyOf,
  openPayoutNode,
  type PayoutNode,
  purse,
  Put,
  Take,
} from '../../../../test/fixtures/payouts.js';
import { ContinuesOn, OnApplied, OnRefused, OnTimer, ProcessManager, StartsOn } from './process-manager.js';
import { ProcessRuntime } from './process-runtime.js';
import type { ProcessStep } from './process-step.js';

type Begun = DomainEvent<'Begun', { readonly id: string; readonly amount: number }>;
type Said = DomainEvent<'Said', { readonly id: string; readonly word: string }>;
interface State {
  readonly words: readonly string[];
}
type Step = ProcessStep<State>;

const begun = (id: string, amount = 1): Begun => ({ type: 'Begun', data: { id, amount } });
const said = (id: string, word: string): Said => ({ type: 'Said', data: { id, word } });
const options = {
  name: 'talk',
  commands: [Put, Take],
  from: 0n,
  maxAttempts: 3,
  retry: { firstMs: 5, mostMs: 20 },
} as const;

@ProcessManager(options)
class Talk {
  static broken = false;

  @StartsOn<Begun>('Begun', ({ data }) => data.id)
  begun({ data: { id, amount } }: RecordedEvent<Begun>, process: Step): void {
    process.become({ words: [] });
    process.send('put', new Put({ purse: id, amount }), { compensation: new Take({ purse: id, amount }) });
  }

  @ContinuesOn<Said>('Said', ({ data }) => data.id)
  said({ data: { id, word } }: RecordedEvent<Said>, process: Step): void {
    if (word === 'throw' && Talk.broken) throw new Error('this word is too much');
    process.become({ words: [...process.state.words, word] });
    if (word === 'send')
      process.send('more', new Put({ purse: id, amount: 5 }), { compensation: new Take({ purse: id, amount: 5 }) });
    if (word === 'wait') process.after('30 milliseconds', 'overdue');
    if (word === 'fail') process.fail('they said so');
    if (word === 'end') process.complete();
  }

  @OnTimer('overdue')
  overdue(_: object, process: Step): void {
    process.fail('overdue');
  }
}

const databases: TestDatabase[] = [];
const nodes: PayoutNode[] = [];
let url: string;

beforeEach(async () => {
  Talk.broken = false;
  const database = await createTestDatabase();
  databases.push(database);
  ({ url } = database);
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  await Promise.all(databases.splice(0).map((database) => database.drop()));
});

async function start(given: Parameters<typeof openPayoutNode>[1] = {}): Promise<PayoutNode> {
  const node = await openPayoutNode(url, { managers: [new Talk()], ...given });
  nodes.push(node);
  await node.runtime.start();
  return node;
}

const inT = <T>(work: () => Promise<T>): Promise<T> => runInTenant('t', work);
const say = ({ store }: PayoutNode, id: string, ...events: DomainEvent[]): Promise<string[]> =>
  inT(() => append(store, `talk-${id}`, ...events));

async function find({ processes }: PayoutNode, id: string) {
  return inT(() => processes.find('talk', id));
}

function has(node: PayoutNode, id: string, status: string): Promise<void> {
  return until(`${id} is ${status}`, async () => (await find(node, id))?.status === status);
}

describe('an instance that fails', () => {
  it('is tried again, quarantined with the reason, and goes on when it is released; others are not held up', async () => {
    Talk.broken = true;
    const node = await start();
    await say(node, 'bad', begun('bad'), said('bad', 'throw'), said('bad', 'end'));
    // The same stream: its events reach the other instance, too.
    await say(node, 'bad', begun('good'), said('good', 'end'));
    await has(node, 'good', 'completed');
    await has(node, 'bad', 'quarantined');
    const [listed, ...others] = await inT(() => node.processes.quarantined('talk'));
    expect(others).toEqual([]);
    expect(listed).toMatchObject({
      instanceId: 'bad',
      reason: 'Error: this word is too much',
      attempts: 3,
      dueAt: null,
    });
    expect(node.failures.map(({ outcome }) => outcome)).toEqual(['retrying', 'retrying', 'quarantined']);
    await expect(inT(() => node.processes.release('talk', 'good'))).rejects.toMatchObject({
      code: 'process-not-releasable',
    });
    await expect(runInTenant('u', () => node.processes.release('talk', 'bad'))).rejects.toMatchObject({
      code: 'process-not-releasable',
    });

    Talk.broken = false;
    await inT(() => node.processes.release('talk', 'bad'));
    await has(node, 'bad', 'completed');
    expect((await find(node, 'bad'))?.state).toEqual({ words: ['throw', 'end'] });
    expect(await inT(() => purse(node.store, 'bad'))).toEqual({ sum: 1, events: 1 });
    expect(await node.processes.count('talk')).toEqual([{ tenantId: 't', status: 'completed', instances: 2 }]);
  });

  it('is undone when an operator gives it up', async () => {
    Talk.broken = true;
    const node = await start();
    await say(node, 'bad', begun('bad'), said('bad', 'send'), said('bad', 'throw'));
    await has(node, 'bad', 'quarantined');
    expect(await find(node, 'bad')).toMatchObject({ undoable: expect.any(Array), owed: expect.any(Array) });
    await inT(() => node.processes.fail('talk', 'bad', 'nobody knows what it means'));
    await has(node, 'bad', 'compensated');
    expect(await find(node, 'bad')).toMatchObject({ reason: 'nobody knows what it means', undoable: [], owed: [] });
    expect((await inT(() => purse(node.store, 'bad'))).sum).toBe(0);
  });

  it('undoes what was applied, the last first, and cancels what was not', async () => {
    const sent: string[] = [];
    const node = await start({
      around: async (command, send) => {
        sent.push(`${command.constructor.name} ${(command.order as { amount: number }).amount}`);
        return send();
      },
    });
    await say(node, 'x', begun('x'));
    await until('the first command', () => sent.length === 1);
    await say(node, 'x', said('x', 'send'));
    await until('the second command', () => sent.length === 2);
    await say(node, 'x', said('x', 'fail'));
    await has(node, 'x', 'compensated');
    expect(sent).toEqual(['Put 1', 'Put 5', 'Take 5', 'Take 1']);
  });

  it('a command that cannot be sent holds up no timer, and is never applied once the process has failed', async () => {
    let isDown = true;
    const late: (() => Promise<unknown>)[] = [];
    const node = await start({
      around: async (command, send) => {
        if (!isDown || (command.order as { amount: number }).amount !== 5) return send();
        late.push(send);
        throw new Error('it is down');
      },
    });
    await say(node, 'x', begun('x'), said('x', 'wait'), said('x', 'send'));
    await has(node, 'x', 'compensated');
    isDown = false;
    // What was on its way all the time arrives at last.
    expect(await inT(async () => late[0]?.())).toMatchObject({
      repeated: true,
      streams: [{ stream: 'process_talk-x' }],
    });
    expect(await inT(() => purse(node.store, 'x'))).toEqual({ sum: 0, events: 2 });
    expect((await find(node, 'x'))?.reason).toBe('overdue');
  });

  it('a command that was applied, but whose answer was lost, is undone', async () => {
    const node = await start({
      around: async (command, send) => {
        const outcome = await send();
        if (command instanceof Put && (command.order as { amount: number }).amount === 5) throw new Error('lost');
        return outcome;
      },
    });
    await say(node, 'x', begun('x'), said('x', 'wait'), said('x', 'send'));
    await has(node, 'x', 'compensated');
    expect(await inT(() => purse(node.store, 'x'))).toEqual({ sum: 0, events: 4 });
  });
});

describe('events', () => {
  it('that come before the start wait for it; what comes for nobody, twice, or after the end is passed over', async () => {
    const node = await start();
    await say(node, 'a', said('a', 'early'));
    await until('it is expected', async () => (await find(node, 'a'))?.status === 'expected');
    await say(node, 'a', begun('a'), begun('a', 7), said('a', 'end'), said('a', 'late'));
    await has(node, 'a', 'completed');
    expect((await find(node, 'a'))?.state).toEqual({ words: ['early', 'end'] });
    expect(await inT(() => purse(node.store, 'a'))).toEqual({ sum: 1, events: 1 });
    const left = await node.opened.database.query({ text: 'select * from concord.process_inbox' });
    expect(left).toEqual([]);
  });

  it('that come while somebody works on the instance are seen to right after', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let isAtGate = false;
    const node = await start({
      around: async (_, send) => {
        isAtGate = true;
        await gate;
        return send();
      },
    });
    await say(node, 'a', begun('a'));
    await until('the command is on its way', () => isAtGate);
    await say(node, 'a', said('a', 'end'));
    const inbox = { text: 'select * from concord.process_inbox where event_id is not null' };
    await until('it lies in the inbox', async () => (await node.opened.database.query(inbox)).length === 2);
    open();
    await has(node, 'a', 'completed');
  });

  it('of two tenants with one id are two instances; tenant, conversation and cause are restored', async () => {
    const node = await start();
    for (const tenant of ['t', 'u']) {
      await runInTenant(tenant, () =>
        runInMessage({ correlationId: `story of ${tenant}` }, () => append(node.store, 'talk-a', begun('a'))),
      );
    }
    for (const tenant of ['t', 'u']) {
      const put = (): Promise<boolean> => runInTenant(tenant, async () => (await purse(node.store, 'a')).events === 1);
      await until(`the command of ${tenant}`, put);
      await runInTenant(tenant, async () => {
        for (const stream of ['purse-a', 'process_talk-a'] as const) {
          for await (const { metadata } of node.store.readStream(stream)) {
            expect(metadata).toMatchObject({ correlationId: `story of ${tenant}`, tenantId: tenant });
          }
        }
        const asked = await Array.fromAsync(node.store.readStream('talk-a'));
        const [started] = await Array.fromAsync(node.store.readStream('process_talk-a'));
        expect(started?.metadata.causationId).toBe(asked[0]?.id);
      });
    }
  });
});

describe('versions', () => {
  @ProcessManager({ ...options, version: 2 })
  class Talk2 extends Talk {
    @OnApplied('put')
    put(_: object, process: Step): void {
      process.become({ words: [...process.state.words, 'second'] });
    }
  }
  @ProcessManager({ ...options, version: 3, takesOver: { 1: ({ words }: State) => ({ words: [...words, 'taken'] }) } })
  class Talk3 extends Talk {}

  it('an instance goes on with the one it began with, as long as that is there, and with the one that takes it over', async () => {
    const first = await start();
    await say(first, 'old', begun('old'));
    await until('it has begun', async () => (await find(first, 'old'))?.version === 1);
    nodes.pop();
    await first.close();

    const both = await start({ managers: [new Talk(), new Talk2()] });
    await say(both, 'new', begun('new'));
    await say(both, 'old', said('old', 'x'));
    await until('both', async () => (await inT(() => historyOf(both.store, 'process_talk-old'))).length === 3);
    await until('new', async () => (await find(both, 'new'))?.version === 2);
    expect((await find(both, 'new'))?.state).toEqual({ words: ['second'] });
    expect((await find(both, 'old'))?.state).toEqual({ words: ['x'] });
    nodes.pop();
    await both.close();

    // Nobody here knows the second version: its instance waits, and nothing is lost.
    const third = await start({ managers: [new Talk3()] });
    await say(third, 'old', said('old', 'end'));
    await say(third, 'new', said('new', 'end'));
    await has(third, 'old', 'completed');
    expect(await find(third, 'old')).toMatchObject({ version: 3, state: { words: ['x', 'taken', 'end'] } });
    expect(await find(third, 'new')).toMatchObject({ version: 2, status: 'running', state: { words: ['second'] } });
    const fourth = await start({ managers: [new Talk2()] });
    await has(fourth, 'new', 'completed');
  });
});

describe('what cannot work', () => {
  class Bare extends DomainCommand<object> {}
  class Doomed {
    @StartsOn<Begun>('Begun', ({ data }) => data.id)
    begun({ data: { id } }: RecordedEvent<Begun>, process: Step): Promise<void> | void {
      if (id === 'promise') return Promise.resolve();
      if (id === 'bare') process.send('x', new Bare({}));
      if (id === 'bigint') process.send('x', new Put({ purse: 'p', amount: 1n as unknown as number }));
      if (id === 'twice') for (const step of ['x', 'x']) process.send(step, new Put({ purse: 'p', amount: 1 }));
      if (id === 'long') process.after('ages' as '1 day', 'x');
      if (id === 'ends') [process.complete(), process.fail('x')].at(0);
    }
  }
  ProcessManager({ name: 'talk', commands: [Put], from: 0n, maxAttempts: 1 })(Doomed);

  it('is said in the reason, and nothing of it is done', async () => {
    const node = await start({ managers: [new Doomed()] });
    const reasons = {
      promise: /answers a promise/,
      bare: /Bare is not among the commands/,
      bigint: /order of Put.* is a bigint/,
      twice: /step "x" was sent before/,
      long: /"ages" is no duration/,
      ends: /ends once/,
    };
    for (const id of Object.keys(reasons)) await say(node, id, begun(id));
    for (const [id, reason] of Object.entries(reasons)) {
      await has(node, id, 'quarantined');
      expect((await find(node, id))?.reason).toMatch(reason);
    }
    expect(await inT(() => purse(node.store, 'p'))).toEqual({ sum: 0, events: 0 });
  });

  it('is refused before anything starts', async () => {
    const declare = (
      given: object,
      ...marks: (typeof OnRefused extends (...a: never[]) => infer M ? M : never)[]
    ): object => {
      class Odd {
        begin(): void {}
        refused(): void {}
      }
      StartsOn<Begun>('Begun', ({ data }) => data.id)(Odd.prototype, 'begin');
      for (const marking of marks) marking(Odd.prototype, 'refused');
      ProcessManager({ name: 'odd', commands: [Put], ...given })(Odd);
      return new Odd();
    };
    const node = await openPayoutNode(url);
    nodes.push(node);
    const ground = { ...node.opened, ...node } as unknown as ConstructorParameters<typeof ProcessRuntime>[0];
    const runtime =
      (...managers: object[]) =>
      () =>
        new ProcessRuntime(ground, managers);
    expect(runtime(declare({ name: 'a-b' }))).toThrow(/no name of a process manager/);
    expect(runtime(declare({ version: 0 }))).toThrow(/whole number from 1/);
    expect(runtime(declare({}), declare({}))).toThrow(/version 1 twice/);
    expect(runtime(declare({ commands: [Put, { Put: class extends Put {} }.Put] }))).toThrow(/one class name/);
    expect(runtime(declare({}, OnRefused('x'), OnRefused('x')))).toThrow(/two methods/);
    expect(() => new ProcessRuntime(ground, [], { concurrency: 0 })).toThrow(/concurrency/);
    expect(runtime(declare({ commands: [Put, Take] }))).not.toThrow();
  });
});
