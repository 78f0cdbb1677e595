// A handler that uses the event store itself: without a transaction that is refused, and under locks it is one with the command.
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';
import { type OpenDatabase, openDatabase, TransactionNeeded } from '@concord/database';
import { AggregateRoot } from '@concord/domain';
import { PostgresEventStore } from '@concord/event-store';
import { type DomainEvent, newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';

type Counted = DomainEvent<'Counted', Record<string, never>>;

class Count extends AggregateRoot<Counted, number> {
  static readonly category = 'count';
  count(): void {
    this.record({ type: 'Counted', data: {} });
  }
  protected override initialState = (): number => 0;
  protected override evolve = (state: number): number => state + 1;
}

class CountAndNote extends DomainCommand<boolean> {}

let created: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;
beforeAll(async () => {
  created = await createTestDatabase();
  opened = await openDatabase({ url: created.url });
  store = new PostgresEventStore(opened.database, { unlockedFrom: 1 });
});
afterAll(async () => {
  await opened.close();
  await created.drop();
});

const inTenant = (work: () => Promise<void>) => () => runInTenant(`t-${newId()}`, work);
const note = (): Promise<unknown> =>
  store.append({ stream: 'note-1', expected: 'any', events: [{ id: newId(), type: 'Noted', data: {} }] });
const lengths = (...streams: StreamName[]) =>
  Promise.all(streams.map(async (stream) => (await Array.fromAsync(store.readStream(stream))).length));

describe('the event store in work that is to do without the database', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['an append', note],
    ['metadata', () => store.writeStreamMetadata('note-1', { maxCount: 1 })],
    ['a deletion', () => store.deleteStream('note-1', 'any')],
    ['a tombstone', () => store.tombstoneStream('note-1', 'any')],
    ['a snapshot', () => store.saveSnapshot('note-1', { version: 1, first: 0n, revision: 0n, state: 1 })],
    ['a load', () => store.lockAndLoad(['note-1'])],
    ['scavenging', () => store.scavenge()],
  ])('refuses %s, and says so at the end even if that was swallowed', (_, use) =>
    inTenant(async () => {
      const before = await store.lastPosition();
      await expect(store.unlocked.tentatively(use)).rejects.toThrow(TransactionNeeded);
      const swallowed = store.unlocked.tentatively(() => use().catch(() => undefined));
      await expect(swallowed).rejects.toThrow(TransactionNeeded);
      expect(await store.lastPosition()).toBe(before);
      const events = [{ id: newId(), type: 'Noted', data: {} }];
      await store.unlocked.tentatively(() =>
        store.unlocked.append({ stream: 'note-2', expected: 'no-stream', events }),
      );
      expect(await lengths('note-1', 'note-2')).toEqual([0, 1]);
    })(),
  );

  it(
    'has its appends in the transaction of the command: both or none',
    inTenant(async () => {
      const pipeline = new CommandPipeline(store);
      const aggregates = new Aggregates();
      const run = (fails: boolean, id = '1') =>
        pipeline.run(new CountAndNote(fails), async () => {
          const count = await aggregates.load(Count, id);
          await note();
          count.count();
          if (fails) throw new Error('no');
        });
      await expect(run(true)).rejects.toThrow('no');
      expect(await lengths('count-1', 'note-1')).toEqual([0, 0]);
      await run(false);
      await Promise.all([run(false), run(false)]);
      expect(await lengths('count-1', 'note-1')).toEqual([3, 3]);
    }),
  );
});
