// Process managers over a real store: new versions while instances run, and declarations and methods that cannot work.
import { DomainCommand } from '@concord/commanding';
import type { RecordedEvent } from '@concord/kernel';
import { until } from '../../../../test/fixtures/group-member.js';
import { historyOf, purse, Put, Take } from '../../../../test/fixtures/payouts.js';
import {
  type Begun,
  begun,
  find,
  has,
  inT,
  said,
  say,
  Talk,
  talkOptions,
  talks,
  type TalkState,
  type TalkStep,
} from '../../../../test/fixtures/talk.js';
import { OnApplied, OnRefused, ProcessManager, StartsOn } from './process-manager.js';
import { ProcessRuntime } from './process-runtime.js';

const scene = talks();

describe('versions', () => {
  @ProcessManager({ ...talkOptions, version: 2 })
  class Talk2 extends Talk {
    @OnApplied('put')
    put(_: object, process: TalkStep): void {
      process.become({ words: [...process.state.words, 'second'] });
    }
  }
  @ProcessManager({
    ...talkOptions,
    version: 3,
    takesOver: { 1: ({ words }: TalkState) => ({ words: [...words, 'taken'] }) },
  })
  class Talk3 extends Talk {}

  it('an instance goes on with the one it began with, as long as that is there, and with the one that takes it over', async () => {
    const first = await scene.start();
    await say(first, 'old', begun('old'));
    await until('it has begun', async () => (await find(first, 'old'))?.version === 1);
    await scene.stop(first);

    const both = await scene.start({ managers: [new Talk(), new Talk2()] });
    await say(both, 'new', begun('new'));
    await say(both, 'old', said('old', 'x'));
    await until('both', async () => (await inT(() => historyOf(both.store, 'process_talk-old'))).length === 3);
    await until('new', async () => (await find(both, 'new'))?.version === 2);
    expect((await find(both, 'new'))?.state).toEqual({ words: ['second'] });
    expect((await find(both, 'old'))?.state).toEqual({ words: ['x'] });
    await scene.stop(both);

    // Nobody here knows the second version: its instance waits, and nothing is lost.
    const third = await scene.start({ managers: [new Talk3()] });
    await say(third, 'old', said('old', 'end'));
    await say(third, 'new', said('new', 'end'));
    await has(third, 'old', 'completed');
    expect(await find(third, 'old')).toMatchObject({ version: 3, state: { words: ['x', 'taken', 'end'] } });
    expect(await find(third, 'new')).toMatchObject({ version: 2, status: 'running', state: { words: ['second'] } });
    const fourth = await scene.start({ managers: [new Talk2()] });
    await has(fourth, 'new', 'completed');
  });
});

describe('what cannot work', () => {
  class Bare extends DomainCommand<object> {}
  class Doomed {
    @StartsOn<Begun>('Begun', ({ data }) => data.id)
    begun({ data: { id } }: RecordedEvent<Begun>, process: TalkStep): Promise<void> | void {
      if (id === 'promise') return Promise.resolve();
      if (id === 'bare') process.send('x', new Bare({}));
      if (id === 'bigint') process.send('x', new Put({ purse: 'p', amount: 1n as unknown as number }));
      if (id === 'twice') for (const step of ['x', 'x']) process.send(step, new Put({ purse: 'p', amount: 1 }));
      if (id === 'long') process.after('ages' as '1 day', 'x');
      if (id !== 'ends') return;
      process.complete();
      process.fail('x');
    }
  }
  ProcessManager({ name: 'talk', commands: [Put], from: 0n, maxAttempts: 1 })(Doomed);

  it('is said in the reason, and nothing of it is done', async () => {
    const node = await scene.start({ managers: [new Doomed()] });
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
    const node = await scene.open();
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
