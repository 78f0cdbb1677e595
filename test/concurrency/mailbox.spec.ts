// What may go wrong between a decision and its append, step by step: appends wait at a gate, fail there when told to, and
// others write to the stream meanwhile, so that its revision looks right again.
import { Aggregates, CommandPipeline } from '@concord/commanding';
import { CommitUnknown, DatabaseUnavailable } from '@concord/database';
import { InvariantBroken } from '@concord/domain';
import { newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { Add, GatedStore, Sum, turn } from '../fixtures/gated-store.js';

const stream: StreamName = 'sum-1';
let store: GatedStore;
let pipeline: CommandPipeline;
beforeEach(() => {
  store = new GatedStore();
  pipeline = new CommandPipeline(store);
});

const inTenant = (work: () => Promise<void>) => () => runInTenant('t-1', work);
const sum = (): Promise<number> => store.sum('1');

function add(by: number, during?: Promise<void>, after?: () => void) {
  return pipeline.run(new Add(by), async () => {
    const aggregate = await new Aggregates().load(Sum, '1');
    await during;
    aggregate.add(by);
    after?.();
    return aggregate.state;
  });
}

/** As another process would: past the gate. */
function addElsewhere(by: number): Promise<unknown> {
  const { gates } = store;
  store.gates = undefined;
  const appended = store.append({ stream, expected: 'any', events: [{ id: newId(), type: 'Added', data: { by } }] });
  store.gates = gates;
  return appended;
}

describe('a mailbox', () => {
  it(
    'keeps the aggregate: later commands load nothing',
    inTenant(async () => {
      for (let count = 1; count <= 3; count += 1) await expect(add(1)).resolves.toMatchObject({ value: count });
      expect(store.loads).toBe(1);
    }),
  );

  it(
    'lets a refusal stand only once the events it follows from are stored',
    inTenant(async () => {
      await add(1);
      store.gates = [];
      const spends = expect(add(-1)).rejects.toThrow('cannot be stored');
      const spendsToo = add(-1);
      const gate = await store.atGate();
      await turn();
      gate.fail(new Error('cannot be stored'));
      await spends;
      await expect(spendsToo).resolves.toMatchObject({ value: 0 });
      expect(await sum()).toBe(0);
    }),
  );

  it(
    'refuses at once what is refused by stored events',
    inTenant(async () => {
      await add(1);
      store.gates = [];
      const spends = add(-1);
      const refused = expect(add(-1)).rejects.toThrow(InvariantBroken);
      (await store.atGate()).open();
      await refused;
      await spends;
      expect(await sum()).toBe(0);
    }),
  );

  it(
    'fails what was decided on top of what fails, though the revision looks right again',
    inTenant(async () => {
      await add(1);
      store.gates = [];
      const earns = add(5);
      const spent = expect(add(-4)).rejects.toThrow(InvariantBroken);
      const gate = await store.atGate();
      await turn();
      await addElsewhere(1);
      gate.fail(new Error('cannot be stored'));
      await expect(earns).rejects.toThrow('cannot be stored');
      await spent;
      expect(await sum()).toBe(2);
    }),
  );

  it(
    'fails what is still being decided on top of what fails, though the revision looks right again',
    inTenant(async () => {
      await add(1);
      store.gates = [];
      let decide!: () => void;
      const earns = add(5);
      const spends = add(-4, new Promise<void>((resolve) => (decide = resolve)));
      const spent = expect(spends).rejects.toThrow(InvariantBroken);
      const gate = await store.atGate();
      await turn();
      await addElsewhere(1);
      gate.fail(new Error('cannot be stored'));
      await expect(earns).rejects.toThrow('cannot be stored');
      decide();
      await spent;
      expect(await sum()).toBe(2);
    }),
  );

  it(
    'does not go on with an aggregate that holds what failed',
    inTenant(async () => {
      store.gates = [];
      const earns = add(5);
      const gate = await store.atGate();
      await addElsewhere(1);
      gate.fail(new Error('cannot be stored'));
      await expect(earns).rejects.toThrow('cannot be stored');
      await expect(add(-3)).rejects.toThrow(InvariantBroken);
      expect(await sum()).toBe(1);
    }),
  );

  it(
    'does not go on with what a failed handler had decided',
    inTenant(async () => {
      await add(1);
      const failing = add(5, undefined, () => {
        throw new Error('after the decision');
      });
      await expect(failing).rejects.toThrow('after the decision');
      await expect(add(-3)).rejects.toThrow(InvariantBroken);
      await add(1);
      expect(await sum()).toBe(2);
    }),
  );

  it(
    'tells all whose append was sent that nobody knows, when the answer is lost',
    inTenant(async () => {
      store.gates = [];
      const first = add(1);
      const gate = await store.atGate();
      const others = [add(1), add(1)].map((one) => expect(one).rejects.toThrow(CommitUnknown));
      await turn();
      store.gates = [];
      gate.open();
      await first;
      const lost = await store.atGate();
      store.findEvents = () => Promise.reject(new DatabaseUnavailable('still gone'));
      lost.fail(new DatabaseUnavailable('gone'));
      await Promise.all(others);
    }),
  );
});
