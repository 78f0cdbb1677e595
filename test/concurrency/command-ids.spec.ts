// At most once by command id, on two stores with connections of their own and without inline projections: the append travels
// with the commit, and only the answer to it tells that the event was there already.
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';
import { openDatabase, type OpenDatabase } from '@concord/database';
import { AggregateRoot } from '@concord/domain';
import { PostgresEventStore } from '@concord/event-store';
import { type DomainEvent, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';

type Added = DomainEvent<'Added', { by: number }>;

class Sum extends AggregateRoot<Added, number> {
  static readonly category = 'sum';
  add(by: number): void {
    this.record({ type: 'Added', data: { by } });
  }
  protected override initialState = (): number => 0;
  protected override evolve = (state: number, event: Added): number => state + event.data.by;
}

class Add extends DomainCommand<{ by: number }, number> {}

let created: TestDatabase;
let opened: OpenDatabase[];
let stores: PostgresEventStore[];

beforeAll(async () => {
  created = await createTestDatabase();
  opened = await Promise.all([1, 2].map(() => openDatabase({ url: created.url })));
  stores = opened.map(({ database }) => new PostgresEventStore(database));
});

afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await created.drop();
});

/** Adds to each of the sums; returns the first sum. */
function send(command: Add, ids: readonly string[], index = 0) {
  return new CommandPipeline(stores[index % 2]!).run(command, async () => {
    const sums = await new Aggregates().loadAll(Sum, ids);
    for (const sum of sums) sum.add(command.order.by);
    return sums[0]!.state;
  });
}

const inTenant = (work: () => Promise<void>) => () => runInTenant(`t-${newId()}`, work);
const stored = async (id: string) => (await Array.fromAsync(stores[0]!.readStream(`sum-${id}`))).length;

describe('a command with an id', () => {
  it.each([1, 2])('is answered as before when it comes again, with %s streams', (streams) =>
    inTenant(async () => {
      const ids = Array.from({ length: streams }, () => newId());
      const command = new Add({ by: 1 }, newId());
      const first = await send(command, ids);
      expect(first).toMatchObject({ value: 1, repeated: false });
      await send(new Add({ by: 5 }), ids);
      await expect(send(command, ids, 1)).resolves.toEqual({ ...first, value: undefined, repeated: true });
      for (const id of ids) await expect(stored(id)).resolves.toBe(2);
    })(),
  );

  it(
    'is applied once when its twins come at the same time, whatever streams they choose',
    inTenant(async () => {
      const ids = Array.from({ length: 20 }, (_, index) => `${index % 4}-${newId()}`);
      const command = new Add({ by: 1 }, newId());
      const outcomes = await Promise.all(ids.map((id, index) => send(command, [id], index)));
      expect(outcomes.filter((outcome) => !outcome.repeated)).toHaveLength(1);
      expect(new Set(outcomes.map((outcome) => outcome.position)).size).toBe(1);
      const counts = await Promise.all(ids.map(stored));
      expect(counts.reduce((sum, count) => sum + count)).toBe(1);
    }),
  );

  it(
    'is recognised when its handler has nothing to decide any more',
    inTenant(async () => {
      const [id, commandId] = [newId(), newId()];
      const first = await send(new Add({ by: 1 }, commandId), [id]);
      const idle = new CommandPipeline(stores[1]!).run(new Add({ by: 1 }, commandId), () => Promise.resolve(7));
      await expect(idle).resolves.toEqual({ ...first, value: undefined, repeated: true });
      const another = new CommandPipeline(stores[1]!).run(new Add({ by: 1 }, newId()), () => Promise.resolve(7));
      await expect(another).resolves.toMatchObject({ value: 7, repeated: false, streams: [] });
    }),
  );

  it(
    'is refused for another content, though it would decide the same events',
    inTenant(async () => {
      const [id, commandId] = [newId(), newId()];
      await send(new Add({ by: 1 }, commandId, 'one'), [id]);
      await expect(send(new Add({ by: 1 }, commandId, 'two'), [id], 1)).rejects.toMatchObject({
        code: 'command-id-reused',
      });
      await expect(stored(id)).resolves.toBe(1);
    }),
  );
});
