// Commands that run without a transaction: two processes' worth of stores and mailboxes on one database. Every event carries
// the sum that its command saw, so that a decision on anything but the latest state shows.
import { setTimeout as sleep } from 'node:timers/promises';
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { AggregateRoot, ensure, invariant, InvariantBroken } from '@concord/domain';
import { PostgresEventStore } from '@concord/event-store';
import { type DomainEvent, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import pg from 'pg';

type Added = DomainEvent<'Added', { by: number; seen: number; memo: string }>;
const notNegative = invariant<number>({
  name: 'not-negative',
  kind: 'state',
  holds: (sum) => sum >= 0,
  reason: (sum) => `${sum} is below zero`,
});

class Sum extends AggregateRoot<Added, number> {
  static readonly category = 'sum';
  add(by: number, memo = ''): void {
    ensure(notNegative, this.state + by);
    if (by !== 0) this.record({ type: 'Added', data: { by, seen: this.state, memo } });
  }
  protected override initialState = (): number => 0;
  protected override evolve = (state: number, event: Added): number => state + event.data.by;
}

class Add extends DomainCommand<number, number> {}
class AddToTwo extends DomainCommand<number, number> {}
class AddAndNote extends DomainCommand<number, number> {}

let created: TestDatabase;
let opened: OpenDatabase[];
let stores: PostgresEventStore[];
let pipelines: CommandPipeline[];
const aggregates = new Aggregates();

beforeAll(async () => {
  created = await createTestDatabase();
  opened = await Promise.all([1, 2].map(() => openDatabase({ url: created.url })));
  stores = opened.map(({ database }) => new PostgresEventStore(database, { unlockedFrom: 1 }));
  pipelines = stores.map((store) => new CommandPipeline(store));
  await opened[0]!.database.query({ text: 'create table notes (id text primary key)' });
});

afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await created.drop();
});

const inTenant = (work: () => Promise<void>) => () => runInTenant(`t-${newId()}`, work);

function add(id: string, by: number, index = 0, options: { memo?: string; delay?: number; commandId?: string } = {}) {
  return pipelines[index % 2]!.run(new Add(by, options.commandId), async () => {
    const sum = await aggregates.load(Sum, id);
    if (options.delay) await sleep(options.delay);
    sum.add(by, options.memo);
    return sum.state;
  });
}

/** The final sum; every event must follow from the one before it. */
async function checkedSum(id: string): Promise<number> {
  let sum = 0;
  for await (const { data } of stores[1]!.readStream(`sum-${id}`)) {
    const { by, seen } = data as Added['data'];
    expect(seen).toBe(sum);
    sum += by;
  }
  return sum;
}

describe('commands without a transaction', () => {
  it(
    'decide one after the other on one stream, in two processes, each on what the ones before have left',
    inTenant(async () => {
      const id = newId();
      const byChance = Array.from({ length: 300 }, () => ({
        by: Math.random() < 0.5 ? 1 : -1,
        delay: Math.random() * 2,
      }));
      const results = await Promise.allSettled(byChance.map(({ by, delay }, index) => add(id, by, index, { delay })));
      const refused = results.filter((result) => result.status === 'rejected');
      for (const { reason } of refused) expect(reason).toBeInstanceOf(InvariantBroken);
      const added = byChance.filter((_, index) => results[index]!.status === 'fulfilled');
      expect(await checkedSum(id)).toBe(added.reduce((sum, { by }) => sum + by, 0));
    }),
  );

  it(
    'travel together on one stream: far fewer calls than commands, each with its own answer',
    inTenant(async () => {
      const id = newId();
      await add(id, 1);
      const outcomes = await Promise.all(Array.from({ length: 200 }, () => add(id, 1)));
      expect(outcomes.map(({ value }) => value)).toEqual(outcomes.map((_, index) => index + 2));
      expect(outcomes.map(({ streams }) => streams[0]!.revision)).toEqual(outcomes.map((_, n) => BigInt(n + 1)));
      const positions = outcomes.map(({ position }) => position!);
      expect(positions).toEqual(positions.toSorted((a, b) => Number(a - b)));
      const recorded = new Set<string>();
      for await (const { metadata } of stores[0]!.readStream(`sum-${id}`))
        recorded.add(metadata.recordedAt.toISOString());
      expect(recorded.size).toBeLessThan(100);
      expect(await checkedSum(id)).toBe(201);
    }),
  );

  it(
    'fail alone when their event cannot be stored, and what was decided on top of it is decided again',
    inTenant(async () => {
      const id = newId();
      await add(id, 1);
      const results = await Promise.allSettled(
        Array.from({ length: 60 }, (_, index) => add(id, 1, 0, { memo: index % 7 === 3 ? '\u0000' : '' })),
      );
      for (const [index, result] of results.entries()) {
        expect([index, result.status]).toEqual([index, index % 7 === 3 ? 'rejected' : 'fulfilled']);
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'invalid-argument' });
      }
      expect(await checkedSum(id)).toBe(1 + results.filter(({ status }) => status === 'fulfilled').length);
    }),
  );

  it(
    'are not refused, and not idle, for what another process has changed meanwhile',
    inTenant(async () => {
      const id = newId();
      await add(id, 5, 0);
      await add(id, 10, 1);
      // The first process remembers 5.
      await expect(add(id, -12, 0)).resolves.toMatchObject({ value: 3 });
      await add(id, 4, 1);
      await expect(add(id, 0, 0)).resolves.toMatchObject({ value: 7, streams: [] });
      await expect(add(id, -8, 0)).rejects.toMatchObject({ invariant: 'not-negative', message: '-1 is below zero' });
      expect(await checkedSum(id)).toBe(7);
    }),
  );

  it(
    'are refused only for what has come to be: a decision on events that fail does not stand',
    inTenant(async () => {
      const id = newId();
      await add(id, 1);
      // The withdrawal cannot be stored, so the second one, decided on top of it, is not short of money.
      const [first, second] = await Promise.allSettled([add(id, -1, 0, { memo: '\u0000' }), add(id, -1)]);
      expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
      expect(await checkedSum(id)).toBe(0);
    }),
  );

  it(
    'run again in a transaction when they use the database: all or nothing, once',
    inTenant(async () => {
      const { database } = opened[0]!;
      const note = (id: string, by: number) =>
        pipelines[0]!.run(new AddAndNote(by), async () => {
          const sum = await aggregates.load(Sum, id);
          // A handler that goes on without is told all the same.
          await database.query({ text: 'insert into notes values ($1)' }, [id]).catch(() => undefined);
          sum.add(by);
          return sum.state;
        });
      const count = async (id: string) => {
        const rows = await database.query({ text: 'select id from notes where id = $1' }, [id]);
        return rows.length;
      };
      const [kept, refused] = [newId(), newId()];
      await expect(note(kept, 1)).resolves.toMatchObject({ value: 1 });
      await expect(note(refused, -1)).rejects.toThrow(InvariantBroken);
      expect([await count(kept), await count(refused)]).toEqual([1, 0]);
      expect(await checkedSum(kept)).toBe(1);
    }),
  );

  it(
    'run under locks when they touch two streams, beside others that do not',
    inTenant(async () => {
      const ids = [newId(), newId()];
      const both = (index: number) =>
        pipelines[index % 2]!.run(new AddToTwo(1), async () => {
          const [one, other] = await aggregates.loadAll(Sum, index % 3 ? ids : ids.toReversed());
          one!.add(1);
          other!.add(1);
          return one!.state;
        });
      await Promise.all(
        Array.from({ length: 60 }, (_, index) => (index % 2 ? both(index >> 1) : add(ids[0]!, 1, index >> 1))),
      );
      expect([await checkedSum(ids[0]!), await checkedSum(ids[1]!)]).toEqual([60, 30]);
    }),
  );

  it(
    'are applied once by their ids when connections die, however often they are sent',
    inTenant(async () => {
      const ids = Array.from({ length: 4 }, () => newId());
      const commands = Array.from({ length: 200 }, (_, index) => ({ id: ids[index % 4]!, commandId: newId() }));
      const killer = new pg.Client(created.url);
      await killer.connect();
      const sending = Promise.all(
        commands.map(async ({ id, commandId }, index) => {
          for (let attempt = 0; ; attempt += 1) {
            try {
              return await add(id, 1, index, { commandId });
            } catch (error) {
              if (attempt === 20) throw error;
              expect((error as { code?: string }).code).toMatch(/unavailable|commit-unknown|transient|stale/);
              await sleep(20);
            }
          }
        }),
      );
      for (let kill = 0; kill < 3; kill += 1) {
        await sleep(8);
        await killer.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        );
      }
      await killer.end();
      await sending;
      for (const id of ids) expect(await checkedSum(id)).toBe(50);
    }),
  );
});
