// Commands that are sent within somebody's transaction belong to it, whoever else has commands on the same stream under way.
import { setTimeout as sleep } from 'node:timers/promises';
import { Aggregates, DomainCommand } from '@concord/commanding';
import { newId } from '@concord/kernel';
import {
  Add,
  add,
  inTenant,
  openTwoPipelines,
  streamOf,
  Sum,
  total,
  type TwoPipelines,
} from '../fixtures/two-pipelines.js';

class AddAndNote extends DomainCommand<number, number> {}

let site: TwoPipelines;
beforeAll(async () => {
  site = await openTwoPipelines();
  await site.opened[0].database.query({ text: 'create table notes (id text)' });
});
afterAll(() => site.close());

const database = () => site.opened[0].database;

describe('a command in a transaction', () => {
  it(
    'is rolled back with it, and takes nobody with it',
    inTenant(async () => {
      const id = newId();
      const { pipelines } = site;
      await add(pipelines[0], id, 1);
      let start!: () => void;
      const started = new Promise<void>((resolve) => (start = resolve));
      const rolledBack = database().transaction(async () => {
        const own = add(pipelines[0], id, 1000);
        start();
        await own;
        await sleep(200);
        throw new Error('rolled back');
      });
      const expected = expect(rolledBack).rejects.toThrow('rolled back');
      await started;
      const others = Array.from({ length: 10 }, () => add(pipelines[0], id, 1));
      await expected;
      await Promise.all(others);
      expect(await total(site, id)).toBe(11);
    }),
  );

  it(
    'is rolled back with it, also when an append of others to its stream was under way',
    inTenant(async () => {
      const id = newId();
      await add(site.pipelines[0], id, 1);
      const other = add(site.pipelines[0], id, 1);
      const rolledBack = database().transaction(async () => {
        await add(site.pipelines[0], id, 1000);
        throw new Error('rolled back');
      });
      await expect(rolledBack).rejects.toThrow('rolled back');
      await other;
      expect(await total(site, id)).toBe(2);
      await expect(add(site.pipelines[0], id, 1)).resolves.toMatchObject({ value: 3 });
    }),
  );

  it(
    'waits for nobody who waits for that transaction',
    inTenant(async () => {
      const id = newId();
      await add(site.pipelines[0], id, 1);
      let other!: Promise<unknown>;
      await database().transaction(async () => {
        const events = [{ id: newId(), type: 'Added', data: { by: 1 } }];
        await site.stores[0].append({ stream: streamOf(id), expected: 'any', events });
        other = database().outside(() => add(site.pipelines[0], id, 1));
        await sleep(50);
        await add(site.pipelines[0], id, 1);
      });
      await other;
      expect(await total(site, id)).toBe(4);
    }),
  );

  it(
    'is answered as before when it is a repeat, and its handler does not run',
    inTenant(async () => {
      const id = newId();
      const commandId = newId();
      const runs: number[] = [];
      const during = () => Promise.resolve(runs.push(1));
      await add(site.pipelines[0], id, 1, { commandId, during });
      const repeated = database().transaction(() => add(site.pipelines[0], id, 1, { commandId, during }));
      await expect(repeated).resolves.toMatchObject({ repeated: true });
      expect(runs).toEqual([1]);
      expect(await total(site, id)).toBe(1);
    }),
  );
});

describe('what a handler writes to the database besides', () => {
  it(
    'is not written again by a repeat',
    inTenant(async () => {
      const id = newId();
      const commandId = newId();
      const send = () =>
        site.pipelines[0].run(new AddAndNote(1, commandId), async () => {
          const sum = await new Aggregates().load(Sum, id);
          await database().query({ text: 'insert into notes values ($1)' }, [id]);
          sum.add(1);
          return sum.state;
        });
      await expect(send()).resolves.toMatchObject({ repeated: false });
      await expect(send()).resolves.toMatchObject({ repeated: true });
      await expect(database().query({ text: 'select from notes where id = $1' }, [id])).resolves.toHaveLength(1);
      expect(await total(site, id)).toBe(1);
    }),
  );
});

describe('one aggregate', () => {
  it(
    'is loaded once, also by who asks for it twice at a time',
    inTenant(async () => {
      const id = newId();
      await add(site.pipelines[0], id, 10);
      await site.pipelines[0].run(new Add(0), async () => {
        const [from, to] = await Promise.all([new Aggregates().load(Sum, id), new Aggregates().load(Sum, id)]);
        from.add(-5);
        to.add(5);
        return to.state;
      });
      expect(await total(site, id)).toBe(10);
    }),
  );
});
