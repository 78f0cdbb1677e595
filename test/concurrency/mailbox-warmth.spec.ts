// When a command runs in a mailbox and when under locks, where both would do: whichever is quicker, with the same outcome.
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';
import { InvariantBroken } from '@concord/domain';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { Add, GatedStore, Sum } from '../fixtures/gated-store.js';

class AddElsewhere extends DomainCommand<number, number> {}

let store: GatedStore;
let pipeline: CommandPipeline;
beforeEach(() => {
  store = new GatedStore(3);
  pipeline = new CommandPipeline(store);
});

const inTenant = (work: () => Promise<void>) => () => runInTenant('t-1', work);
const loads = () => ({ locks: store.locks, loads: store.loads });

function add(
  by: number,
  { id = '1', type = Add, commandId }: { id?: string; type?: typeof Add; commandId?: string } = {},
) {
  return pipeline.run(new type(by, commandId), async () => {
    const aggregate = await new Aggregates().load(Sum, id);
    aggregate.add(by);
    return aggregate.state;
  });
}

describe('quiet commands', () => {
  it(
    'lock and load in one step, as long as they find nothing in memory',
    inTenant(async () => {
      for (const id of ['1', '2', '3']) await expect(add(1, { id })).resolves.toMatchObject({ value: 1 });
      expect(loads()).toEqual({ locks: 3, loads: 0 });
    }),
  );

  it(
    'leave their aggregate in memory, and need neither lock nor load once the one before has found one',
    inTenant(async () => {
      for (let count = 1; count <= 5; count += 1) await expect(add(1)).resolves.toMatchObject({ value: count });
      expect(loads()).toEqual({ locks: 2, loads: 0 });
      await expect(add(-6)).rejects.toThrow(InvariantBroken);
      await add(1, { id: '2' });
      await add(1, { id: '3' });
      expect(loads()).toEqual({ locks: 3, loads: 1 });
    }),
  );

  it(
    'load without locks when enough of them are under way',
    inTenant(async () => {
      await Promise.all(['1', '2', '3', '4', '5'].map((id) => add(1, { id })));
      expect(loads()).toEqual({ locks: 2, loads: 3 });
      await Promise.all(['6', '7'].map((id) => add(1, { id })));
      expect(loads()).toEqual({ locks: 4, loads: 3 });
    }),
  );

  it(
    'leave nothing in memory that has been applied twice',
    inTenant(async () => {
      const commandId = newId();
      await add(3, { commandId });
      await expect(add(3, { commandId })).resolves.toMatchObject({ repeated: true });
      await add(0.5, { type: AddElsewhere });
      await add(0.5, { type: AddElsewhere });
      await expect(add(-5)).rejects.toThrow(InvariantBroken);
      expect(await store.sum('1')).toBe(4);
    }),
  );

  it(
    'notice what others have appended since',
    inTenant(async () => {
      for (let count = 1; count <= 3; count += 1) await add(1);
      await store.append({
        stream: 'sum-1',
        expected: 'any',
        events: [{ id: newId(), type: 'Added', data: { by: 7 } }],
      });
      await expect(add(1)).resolves.toMatchObject({ value: 11 });
      await store.append({
        stream: 'sum-1',
        expected: 'any',
        events: [{ id: newId(), type: 'Added', data: { by: -11 } }],
      });
      await expect(add(-1)).rejects.toThrow(InvariantBroken);
      expect(await store.sum('1')).toBe(0);
    }),
  );

  it(
    'that meet a conflict try again without locks before they lock',
    inTenant(async () => {
      store = new GatedStore(1);
      pipeline = new CommandPipeline(store);
      await add(1);
      await store.append({
        stream: 'sum-1',
        expected: 'any',
        events: [{ id: newId(), type: 'Added', data: { by: 5 } }],
      });
      await expect(add(1)).resolves.toMatchObject({ value: 7 });
      expect(loads()).toEqual({ locks: 0, loads: 2 });
    }),
  );
});
