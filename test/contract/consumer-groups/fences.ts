// Consumer groups: who comes too late, and what commits together. Each node has connections of its own.
import type { Statement } from '@concord/database';
import { PostgresConsumerGroups } from '@concord/subscriptions';
import { appendTo, countHandled, handled, until, writeDown } from '../../fixtures/group-member.js';
import { allHandled, clean, group, type GroupStores, sceneOn } from './kit.js';

export function fences(stores: GroupStores): void {
  const scene = sceneOn(stores);
  const node = scene.node.bind(scene);

  describe('the fence', () => {
    // The owner is in the middle of an event when its lease ends and another member takes over.
    async function overtaken(delivery: 'exactly-once-in-database' | 'at-least-once') {
      const [a, b] = [await node(), await node()];
      await appendTo(a.store, 't', ['order-1'], 3);
      let proceed = (): void => undefined;
      const told: AbortSignal[] = [];
      const stuck = new Promise<void>((resolve) => (proceed = resolve));
      await a.join({ slices: 1, delivery, leaseMs: 3_600_000 }, async (event, context, database) => {
        await writeDown(event, context, database);
        told.push(context.signal);
        if (told.length === 1) await stuck;
      });
      await until('the first event in hand', () => told.length === 1);
      await a.database.queryOutside({ text: 'update concord.group_members set expires_at = now()' });
      await b.join({ delivery });
      await until('the other has done it all', async () => {
        const rows = await handled(b.database, group);
        return rows.filter((row) => row.token === 2n).length === 3;
      });
      proceed();
      await until('the refusal', () => a.failures.some(({ outcome }) => outcome === 'refused'));
      return { rows: await handled(b.database, group), signal: told[0]!, a };
    }

    it('refuses the commit of an owner that was overtaken: its effects roll back', async () => {
      const { rows, a } = await overtaken('exactly-once-in-database');
      expect(rows.map((row) => [row.stream_position, row.token])).toEqual([
        [0n, 2n],
        [1n, 2n],
        [2n, 2n],
      ]);
      expect(a.failures).toEqual([
        expect.objectContaining({ error: expect.objectContaining({ code: 'ownership-lost' }) }),
      ]);
      expect((await countHandled(a, group)).repeated).toBe(0);
    });

    it('keeps the checkpoint from an owner that was overtaken, where effects are elsewhere', async () => {
      const { rows, a } = await overtaken('at-least-once');
      expect(rows.filter((row) => row.token === 1n)).toHaveLength(1);
      const [row] = await a.database.query<{ position: bigint }>({
        text: 'select position from concord.group_checkpoints',
      });
      expect(row!.position).toBe(3n);
    });

    it('tells a handler when its lease may have ended', async () => {
      const a = await node();
      await appendTo(a.store, 't', ['order-1'], 1);
      const reason = new Promise<unknown>((resolve, reject) => {
        void a.join({ slices: 1, leaseMs: 400 }, async (_event, { signal }) => {
          // Nobody beats any more.
          await a.database.queryOutside({ text: 'alter table concord.group_members rename to gone' });
          signal.addEventListener('abort', () => resolve(signal.reason));
          await new Promise((end) => setTimeout(end, 5000));
          reject(new Error('nothing was told'));
        });
      });
      await expect(reason).resolves.toMatchObject({ code: 'ownership-lost' });
      await a.database.queryOutside({ text: 'alter table concord.gone rename to group_members' });
    });

    it('refuses an owner that was overtaken while it tried an event again', async () => {
      const [a, b] = [await node(), await node()];
      await appendTo(a.store, 't', ['order-1'], 3);
      let proceed = (): void => undefined;
      const stuck = new Promise<void>((resolve) => (proceed = resolve));
      const attempts: number[] = [];
      const options = { slices: 1, leaseMs: 3_600_000, batchSize: 1, retry: { firstMs: 10, mostMs: 10 } };
      await a.join(options, async (event, context, database) => {
        await writeDown(event, context, database);
        attempts.push(context.attempt);
        if (context.attempt === 1) throw new Error('at first');
        await stuck;
      });
      await until('the second attempt', () => attempts.includes(2));
      await a.database.queryOutside({ text: 'update concord.group_members set expires_at = now()' });
      await b.join({});
      await until('the other has done it all', allHandled(b));
      proceed();
      await until('the refusal', () => a.failures.some(({ outcome }) => outcome === 'refused'));
      expect(await countHandled(a, group)).toEqual({ events: 3, ...clean });
    });

    it('lets a checkpoint move only from where its owner believes it to be', async () => {
      const a = await node();
      const member = await a.join({ slices: 1 });
      await appendTo(a.store, 't', ['order-1'], 2);
      await until('all handled', allHandled(a));
      await member.leave();
      const save = (known: bigint | null) =>
        a.database.query({ text: `select concord.save_slice_checkpoint('spec', 0, 't', $1, 9)` }, [known]);
      for (const known of [null, 1n]) await expect(save(known)).rejects.toMatchObject({ code: 'ownership-lost' });
      await save(2n);
    });

    it('is not needed where an answer comes late: a slice that was given back is not begun again', async () => {
      const [a, b] = [await node(), await node()];
      const named = (statement: Statement, name: string): boolean => statement.name === `concord:${name}`;
      let answered = (): void => undefined;
      let isReleasing = false;
      let [loads, beats] = [0, 0];
      // A heartbeat that was asked before the slice was given back, and is answered after it.
      const beaten = new Promise<void>((resolve) => (answered = resolve));
      let released = (): void => undefined;
      const given = new Promise<void>((resolve) => (released = resolve));
      const query = async <Row extends object>(statement: Statement, values?: readonly unknown[]): Promise<Row[]> => {
        if (named(statement, 'release-slice') && !isReleasing) {
          isReleasing = true;
          await beaten;
        }
        const rows = await a.database.queryOutside<Row>(statement, values);
        if (named(statement, 'load-slice-checkpoints')) loads += 1;
        if (named(statement, 'group-beat') && isReleasing) {
          beats += 1;
          answered();
          await given;
        }
        if (named(statement, 'release-slice')) released();
        return rows;
      };
      const database = new Proxy(a.database, {
        get: (target, key) => {
          if (key === 'queryOutside') return query;
          const value: unknown = Reflect.get(target, key);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      const groups = new PostgresConsumerGroups(a.store, database);
      const member = await groups.join({ name: group, slices: 2, delivery: 'at-least-once', leaseMs: 1000 }, () =>
        Promise.resolve(),
      );
      await b.join({ delivery: 'at-least-once', leaseMs: 1000 });
      await given;
      await until('the next heartbeat', () => beats > 1);
      await member.leave();
      expect(loads).toBe(2);
    });
  });

  describe('effects and checkpoint', () => {
    it('commit as one: what the commit refuses is tried again', async () => {
      const a = await node();
      await a.database.query({
        text: `create function spec.refuse() returns trigger language plpgsql as $$
             begin
               if new.stream_position = 1 and new.attempt < 3 then raise exception 'not yet'; end if;
               return null;
             end $$;
             create constraint trigger refuse after insert on spec.handled deferrable initially deferred
               for each row execute function spec.refuse()`,
      });
      await appendTo(a.store, 't', ['order-1', 'order-2'], 3);
      await a.join({ slices: 1, retry: { firstMs: 10, mostMs: 10 } });
      await until('all handled', allHandled(a));
      expect(await countHandled(a, group)).toEqual({ events: 6, ...clean });
      const [batch, ...single] = a.failures;
      expect(batch).toMatchObject({ tenantId: 't', outcome: 'retrying' });
      expect(batch).not.toHaveProperty('event');
      expect(single.map(({ event, outcome }) => [event?.streamPosition, outcome])).toEqual(
        Array.from({ length: 4 }, () => [1n, 'retrying']),
      );
    });
  });
}
