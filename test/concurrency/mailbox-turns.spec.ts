// The aggregate that commands in one mailbox share: whoever has the turn has it alone, and what is kept of it is what is stored.
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';
import { runInTenant } from '@concord/tenancy';
import { Add, GatedStore, SnapshotSum, Sum, turn } from '../fixtures/gated-store.js';

class AddToBoth extends DomainCommand<number> {}

let store: GatedStore;
let pipeline: CommandPipeline;
beforeEach(() => {
  store = new GatedStore();
  pipeline = new CommandPipeline(store);
});

const inTenant = (work: () => Promise<void>) => () => runInTenant('t-1', work);

function add(type: typeof Sum, by: number, { commandId, until }: { commandId?: string; until?: Promise<void> } = {}) {
  return pipeline.run(new Add(by, commandId), async () => {
    const aggregate = await new Aggregates().load(type, '1');
    aggregate.add(by);
    await until;
    return aggregate.state;
  });
}

describe('the aggregate of a mailbox', () => {
  it(
    'is left by a command that wants two streams at once, and by one that does not wait for its load',
    inTenant(async () => {
      const aggregates = new Aggregates();
      await pipeline.run(new AddToBoth(1), async () => {
        const sums = await Promise.all([aggregates.load(Sum, '1'), aggregates.load(Sum, '2')]);
        for (const each of sums) each.add(1);
      });
      let late!: Promise<void>;
      await pipeline.run(new Add(7), () => {
        late = aggregates.load(Sum, '1').then((aggregate) => aggregate.add(7));
        late.catch(() => undefined);
        return Promise.resolve(0);
      });
      await expect(late).rejects.toThrow('has to await every load');
      await expect(add(Sum, 1)).resolves.toMatchObject({ value: 2 });
      expect(await store.sum('1')).toBe(2);
    }),
  );

  it(
    'is not given what a handler recorded after its command had ended',
    inTenant(async () => {
      let aggregate!: Sum;
      await pipeline.run(new Add(1), async () => {
        aggregate = await new Aggregates().load(Sum, '1');
        aggregate.add(1);
        return 0;
      });
      aggregate.add(5);
      await expect(add(Sum, 1)).resolves.toMatchObject({ value: 2 });
      expect(await store.sum('1')).toBe(2);
    }),
  );

  it(
    'lets no refusal stand that follows from a repeat, which its stored events have been applied to once more',
    inTenant(async () => {
      const spend = () => add(Sum, -1, { commandId: 'spend-1' });
      await add(Sum, 3);
      await spend();
      await add(Sum, -1);
      store.gates = [];
      const repeat = expect(spend()).resolves.toMatchObject({ repeated: true });
      const spends = add(Sum, -1);
      const gate = await store.atGate();
      await turn();
      gate.open();
      await repeat;
      await expect(spends).resolves.toMatchObject({ value: 0 });
      expect(await store.sum('1')).toBe(0);
    }),
  );

  it(
    'takes snapshots of what is stored, not of what is being decided, also when it is never idle',
    inTenant(async () => {
      const saved: unknown[] = [];
      store.saveSnapshot = (_, { state, revision }) => Promise.resolve(void saved.push([revision, state]));
      await add(SnapshotSum, 1);
      store.gates = [];
      const second = add(SnapshotSum, 1);
      const gate = await store.atGate();
      let decide!: () => void;
      const third = add(SnapshotSum, 10, { until: new Promise<void>((resolve) => (decide = resolve)) });
      await turn();
      gate.open();
      await second;
      await turn();
      expect(saved).toEqual([[1n, 2]]);
      decide();
      await third;
      await add(SnapshotSum, 1);
      await turn();
      expect(saved).toEqual([
        [1n, 2],
        [3n, 13],
      ]);
    }),
  );
});
