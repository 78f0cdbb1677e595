// Aggregates with snapshots: whatever happens to the snapshots, what is loaded is what a replay of the stream gives.
import { type OpenDatabase, openDatabase } from '@concord/database';
import { AggregateRoot, type SnapshotPolicy } from '@concord/domain';
import { type EventStore, MemoryEventStore, PostgresEventStore } from '@concord/event-store';
import { type DomainEvent, newId, type StreamName, streamName } from '@concord/kernel';
import { currentTenant, runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import fc from 'fast-check';
import { Aggregates } from './aggregates.js';
import { CommandPipeline } from './command-pipeline.js';
import { DomainCommand } from './domain-command.js';

type Added = DomainEvent<'Added', { n: number }>;
interface State {
  readonly sum: number;
  readonly last: readonly number[];
}

class Tally extends AggregateRoot<Added, State> {
  static readonly category: string = 'tally';
  static readonly snapshots: SnapshotPolicy = { every: 3, version: 1 };
  static replayed = 0;
  protected initialState(): State {
    return { sum: 0, last: [] };
  }
  protected evolve(state: State, { data: { n } }: Added): State {
    Tally.replayed += 1;
    return { sum: state.sum * 3 + n, last: [...state.last, n].slice(-4) };
  }
  add(...numbers: number[]): void {
    for (const n of numbers) this.record({ type: 'Added', data: { n } });
  }
}
class TallyTwo extends Tally {
  static override readonly snapshots = { every: 2, version: 2 };
  protected override evolve(state: State, event: Added): State {
    return { sum: state.sum + event.data.n, last: [] };
  }
}
class Add extends DomainCommand<object, unknown> {}

let testDatabase: TestDatabase;
let opened: OpenDatabase;
let store: EventStore;
const aggregates = new Aggregates();

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url });
  store = new PostgresEventStore(opened.database);
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

const inTenant = (work: () => Promise<void>) => () => runInTenant(`t-${newId()}`, work);
const stream = streamName('tally', 'a');

function run<T>(type: typeof Tally, decide: (tally: Tally) => T, commandId?: string): Promise<T> {
  const command = new Add({}, commandId);
  const handle = async (): Promise<T> => decide(await aggregates.load(type, 'a'));
  return new CommandPipeline(store).run(command, handle).then(({ value }) => value as T);
}
const add = (...numbers: number[]) => run(Tally, (tally) => tally.add(...numbers));
const state = (type: typeof Tally = Tally) => run(type, (tally) => ({ state: tally.state, revision: tally.revision }));

async function byReplay(type: typeof Tally = Tally): Promise<{ state: State; revision: bigint }> {
  const events = (await Array.fromAsync(store.readStream(stream))) as unknown as (Added & { streamPosition: bigint })[];
  const tally = new type('a').replay(events, events.at(-1)?.streamPosition ?? -1n);
  return { state: tally.state, revision: tally.revision };
}

/** Snapshots come after the command, which does not wait for them. */
async function snapshotAt(name: StreamName = stream): Promise<bigint | undefined> {
  return store.transaction(async () => (await store.lockAndLoad([name], 1)).get(name)?.snapshot?.revision);
}
async function untilSnapshotAt(revision: bigint): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline;) if ((await snapshotAt()) === revision) return;
  throw new Error(`no snapshot at ${revision}, but at ${await snapshotAt()}`);
}
const sql = (text: string) => withClient(testDatabase.url, (client) => client.query(text, [currentTenant()]));

describe('snapshots of aggregates', () => {
  it(
    'are taken every so many events, and spare the replay of those before',
    inTenant(async () => {
      await add(1, 2);
      expect(await snapshotAt()).toBeUndefined();
      await add(3);
      await untilSnapshotAt(2n);
      await add(4);
      Tally.replayed = 0;
      expect(await state()).toEqual({ state: { sum: 58, last: [1, 2, 3, 4] }, revision: 3n });
      expect(Tally.replayed).toBe(1);
      await add(5, 6, 7, 8);
      await untilSnapshotAt(7n);
      expect(await state()).toEqual(await byReplay());
    }),
  );

  it(
    'of another version are ignored, and written anew',
    inTenant(async () => {
      await add(1, 2, 3);
      await untilSnapshotAt(2n);
      expect(await state(TallyTwo)).toEqual({ state: { sum: 6, last: [] }, revision: 2n });
      await run(TallyTwo, (tally) => tally.add(4));
      for (const deadline = Date.now() + 10_000; (await snapshotAt()) !== undefined && Date.now() < deadline;);
      expect(await snapshotAt()).toBeUndefined();
      expect(await state(TallyTwo)).toEqual({ state: { sum: 10, last: [] }, revision: 3n });
      expect(await state()).toEqual(await byReplay());
    }),
  );

  it.each([
    ['nothing', `'null'`],
    ['something else', `'{"sum": "x"}'`],
  ])('that hold %s which evolve cannot go on from are passed over', (_, stored) =>
    inTenant(async () => {
      await add(1, 2, 3);
      await untilSnapshotAt(2n);
      await add(4);
      await sql(`update concord.snapshots set state = ${stored} where tenant_id = $1`);
      expect(await state()).toEqual(await byReplay());
      await add(5);
      expect(await state()).toEqual(await byReplay());
    })(),
  );

  it(
    'that cannot be stored fail no command',
    inTenant(async () => {
      const { emitWarning } = process;
      const warned = new Promise<string | Error>((resolve) => (process.emitWarning = resolve));
      await run(Tally, (tally) => tally.add(1, 2, Number.MAX_VALUE, Number.MAX_VALUE));
      expect(await warned).toMatch(/Tally has snapshots, so its state must be JSON: .*Infinity/);
      process.emitWarning = emitWarning;
      expect(await snapshotAt()).toBeUndefined();
      expect((await state()).revision).toBe(3n);
    }),
  );

  it(
    'are not taken of a repeat, which applied its events to a state that had them',
    inTenant(async () => {
      const id = newId();
      await run(Tally, (tally) => tally.add(1, 2, 3), id);
      await untilSnapshotAt(2n);
      await sql('delete from concord.snapshots where tenant_id = $1');
      const { saveSnapshot } = store;
      const saved: bigint[] = [];
      store.saveSnapshot = (name, snapshot) => {
        saved.push(snapshot.revision);
        return saveSnapshot.call(store, name, snapshot);
      };
      await run(Tally, (tally) => tally.add(1, 2, 3), id);
      expect(saved).toEqual([]);
      await add(4);
      expect(saved).toEqual([3n]);
      store.saveSnapshot = saveSnapshot;
    }),
  );

  it('are for classes whose state is JSON and whose numbers are whole', async () => {
    class Odd extends Tally {
      static override readonly snapshots = { every: 0, version: 1 };
    }
    class Dated extends AggregateRoot<Added, { at: Date }> {
      static readonly category = 'dated';
      static readonly snapshots = { every: 1, version: 1 };
      protected initialState = () => ({ at: new Date(0) });
      protected evolve = (state: { at: Date }) => state;
    }
    const load = (type: typeof Odd | typeof Dated) =>
      runInTenant('t-odd', () =>
        new CommandPipeline(new MemoryEventStore()).run(new Add({}), async () => {
          await aggregates.load<AggregateRoot<Added, unknown>>(type, 'a');
        }),
      );
    await expect(load(Odd)).rejects.toThrow(/Odd.snapshots.every is a whole number/);
    await expect(load(Dated)).rejects.toThrow(/Dated has snapshots, so its state must be JSON: .*state\.at is a Date/);
  });

  it(
    'that hold what was scavenged are passed over, also when the stream would show that again',
    inTenant(async () => {
      await add(1, 2, 3);
      await untilSnapshotAt(2n);
      await store.writeStreamMetadata(stream, { truncateBefore: 1n });
      await store.scavenge();
      await store.writeStreamMetadata(stream, { maxCount: 3 });
      expect((await byReplay()).state).toEqual({ sum: 9, last: [2, 3] });
      expect((await state()).state).toEqual({ sum: 9, last: [2, 3] });
    }),
  );

  it('give the state of a full replay, whatever happens between', async () => {
    const step = fc.oneof(
      fc.record({ add: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 }), two: fc.boolean() }),
      fc.record({ keep: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ before: fc.bigInt({ min: 0n, max: 12n }) }),
      fc.constant('delete' as const),
      fc.constant('scavenge' as const),
      fc.constant('forget' as const),
    );
    for (const kind of ['postgres', 'memory']) {
      const postgres = store;
      if (kind === 'memory') store = new MemoryEventStore();
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), (steps) =>
          inTenant(async () => {
            for (const one of steps) {
              if (one === 'delete') await store.deleteStream(stream, 'any');
              else if (one === 'scavenge') await store.scavenge();
              else if (one === 'forget') await sql('delete from concord.snapshots where tenant_id = $1');
              else if ('keep' in one) await store.writeStreamMetadata(stream, { maxCount: one.keep });
              else if ('before' in one) await store.writeStreamMetadata(stream, { truncateBefore: one.before });
              else await run(one.two ? TallyTwo : Tally, (tally) => tally.add(...one.add));
              for (const type of [Tally, TallyTwo])
                expect((await state(type)).state).toEqual((await byReplay(type)).state);
            }
          })(),
        ),
        { numRuns: kind === 'memory' ? 100 : 25 },
      );
      store = postgres;
    }
  });
});
