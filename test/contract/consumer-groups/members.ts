// Consumer groups: shares, order, delivery, fencing. Each node has connections of its own.
import type { AppendRequest } from '@concord/event-store';
import { derivedIdOf, newId, parseStreamName, type RecordedEvent, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { withClient } from '@concord/testing';
import { appendTo, countHandled, handled, type Node, until, writeDown } from '../../fixtures/group-member.js';
import { allHandled, clean, group, type GroupStores, sceneOn, streams } from './kit.js';

export function membersAndGroups(stores: GroupStores): void {
  const scene = sceneOn(stores);
  const node = scene.node.bind(scene);
  const owners = async (of: Node): Promise<(string | null)[]> =>
    (await of.groups.describe(group)).slices.map((slice) => slice.memberId);
  const shares = async (of: Node): Promise<number[]> =>
    Object.values(
      Object.groupBy(
        (await owners(of)).filter((id) => id !== null),
        (id) => id,
      ),
    )
      .map((slices) => slices!.length)
      .sort((a, b) => a - b);

  describe('the members of a group', () => {
    it('share the slices fairly, keep what they have, and take over from those that leave', async () => {
      const [a, b, c] = [await node(), await node(), await node()];
      const one = await a.join({ slices: 8 });
      expect(one.slices).toHaveLength(8);
      await b.join({});
      await until('halves', async () => (await shares(a)).join() === '4,4');
      const before = await owners(a);
      const third = await c.join({});
      await until('thirds', async () => (await shares(a)).join() === '2,3,3');
      const after = await owners(a);
      expect(after.filter((owner, slice) => owner !== before[slice])).toEqual([third.memberId, third.memberId]);
      await third.leave();
      await until('halves again', async () => (await shares(a)).join() === '4,4');
      const tokens = (await a.groups.describe(group)).slices.map((slice) => slice.fencingToken);
      expect(tokens.every((token) => token >= 1n && token <= 4n)).toBe(true);
    });

    it('do not take from a member that is alive, and do when its lease has ended', async () => {
      const a = await node();
      await a.join({ slices: 2, leaseMs: 60_000 });
      const beat = {
        text: `select slice, lacking from concord.group_beat('spec', $1, 'x', interval '1 minute', '{}')`,
      };
      const other = newId();
      expect(await a.database.query(beat, [other])).toEqual([{ slice: null, lacking: 1 }]);
      const expire = { text: `update concord.group_members set expires_at = now() where member_id <> $1` };
      await a.database.query(expire, [other]);
      expect((await a.groups.describe(group)).slices.map(({ memberId }) => memberId)).toEqual([null, null]);
      expect(await a.database.query(beat, [other])).toEqual([
        { slice: 0, lacking: 0 },
        { slice: 1, lacking: 0 },
      ]);
    });

    it('take no more than their share of what is free', async () => {
      const a = await node();
      await a.database.query({ text: `select concord.open_group('spec', 5, 0)` });
      const beat = (member: string) =>
        a.database.query(
          {
            text: `select slice, surplus, lacking from concord.group_beat('spec', $1, 'x', interval '1 minute', '{}')`,
          },
          [member],
        );
      const [one, other] = [newId(), newId()];
      expect(await beat(one)).toHaveLength(5);
      expect(await beat(other)).toEqual([{ slice: null, surplus: 0, lacking: 2 }]);
      expect((await beat(one))[0]).toEqual({ slice: 0, surplus: 2, lacking: 0 });
      // It gives back more than it has to: the odd one is its own again.
      await a.database.query({ text: `select concord.release_slice('spec', n, 1) from generate_series(0, 2) n` });
      expect(await beat(other)).toHaveLength(2);
      expect(await beat(one)).toHaveLength(3);
    });

    it('agree on the number of slices', async () => {
      const a = await node();
      await a.join({ slices: 4 });
      await expect(a.join({ slices: 5 })).rejects.toThrow('has 4 slices, not 5');
      await expect(a.join({ name: 'other', slices: 0 })).rejects.toThrow('whole number from 1 to 1024');
      await expect(a.groups.describe('nope')).rejects.toThrow('no consumer group "nope"');
    });

    it('handle every event of every tenant once and in order, while members come and go', async () => {
      const [a, b, c] = [await node(), await node(), await node()];
      const tenants = ['t1', 't2', 't3'];
      await a.join({ slices: 8 });
      const over = new AbortController();
      const writing = (async () => {
        while (!over.signal.aborted)
          await Promise.all(tenants.map((tenant) => appendTo(a.store, tenant, streams(12), 1)));
      })();
      const worked = (memberId: string) => async (): Promise<boolean> =>
        (await handled(a.database, group)).some((row) => row.member_id === memberId);
      const second = await b.join({});
      await until('some work by the second', worked(second.memberId));
      const third = await c.join({});
      await until('some work by the third', worked(third.memberId));
      await second.leave();
      over.abort();
      await writing;
      await until('all handled', allHandled(a));
      expect(await countHandled(a, group)).toMatchObject(clean);
    });

    it('take no connection for long: one connection is enough', async () => {
      const a = await node(1);
      await appendTo(a.store, 't', streams(5), 4);
      await a.join({ leaseMs: 1000 });
      await until('all handled', allHandled(a));
      expect(await countHandled(a, group)).toEqual({ events: 20, ...clean });
    });
  });

  describe('a group', () => {
    it('begins where it was told to when it was made', async () => {
      const a = await node();
      await appendTo(a.store, 't', ['order-1'], 3);
      const member = await a.join({ from: 'now' });
      const [id] = await appendTo(a.store, 't', ['order-1'], 1);
      await until('the new event', async () => (await handled(a.database, group)).length > 0);
      await member.leave();
      await a.join({ from: 0n });
      expect((await handled(a.database, group)).map((row) => row.event_id)).toEqual([id]);
    });

    it('sees its categories and types only', async () => {
      const a = await node();
      await appendTo(a.store, 't', ['order-1', 'bill-1'], 2);
      await runInTenant('t', () =>
        a.store.append({ stream: 'order-1', expected: 'any', events: [{ id: newId(), type: 'Other', data: {} }] }),
      );
      await a.join({ categories: ['order'], types: ['Happened'] });
      await until('two', async () => (await handled(a.database, group)).length === 2);
      await until('no lag', async () => (await a.groups.describe(group)).slices.every(({ lag }) => lag === 0n));
      expect((await handled(a.database, group)).map((row) => row.stream)).toEqual(['order-1', 'order-1']);
    });

    // Its handlers append, and fail twice behind that.
    async function billed(bill: (event: RecordedEvent) => AppendRequest): Promise<void> {
      const a = await node();
      const ids = await appendTo(a.store, 't', streams(3), 2);
      let faults = 2;
      await a.join({ categories: ['order'], retry: { firstMs: 10, mostMs: 10 } }, async (event, context, database) => {
        await a.store.append(bill(event));
        await writeDown(event, context, database);
        if (event.streamPosition === 1n && faults-- > 0) throw new Error('not yet');
      });
      await until('six', async () => (await handled(a.database, group)).length === 6);
      const bills = await runInTenant('t', () => a.store.readFeed({ categories: ['bill'] }));
      expect(bills.events.map(({ metadata }) => metadata.causationId).sort()).toEqual([...ids].sort());
    }
    const billOf = ({ stream }: RecordedEvent): StreamName => `bill-${parseStreamName(stream).id}`;

    const committing = stores.appendsWithRows ? it : it.skip;
    committing('has what its handlers append committed with their work, as a consequence of the event', () =>
      billed((event) => ({
        stream: billOf(event),
        expected: 'any',
        events: [{ id: newId(), type: 'Billed', data: {} }],
      })),
    );

    it('has what its handlers append once, wherever it is, when its ids follow from the event', () =>
      billed((event) => ({
        stream: billOf(event),
        expected: event.streamPosition === 0n ? 'no-stream' : event.streamPosition - 1n,
        events: [{ id: derivedIdOf(event.id, 'bill'), type: 'Billed', data: {} }],
      })));

    it('at least once: runs its handler outside of any transaction, and saves the checkpoint after it', async () => {
      const a = await node();
      await appendTo(a.store, 't', streams(3), 3);
      const inTransaction: boolean[] = [];
      await a.join({ delivery: 'at-least-once' }, async (event, context, database) => {
        inTransaction.push(database.current !== undefined);
        await writeDown(event, context, database);
      });
      await until('all handled', allHandled(a));
      expect(await countHandled(a, group)).toEqual({ events: 9, ...clean });
      expect(inTransaction).not.toContain(true);
    });

    it('tells how far behind its slices are', async () => {
      const a = await node();
      let proceed = (): void => undefined;
      const held = new Promise<void>((resolve) => (proceed = resolve));
      await a.join({ slices: 2, leaseMs: 1000 }, () => held);
      await appendTo(a.store, 't', ['order-1'], 3);
      const lags = async (): Promise<(bigint | null)[]> =>
        (await a.groups.describe(group)).slices.map(({ lag }) => lag);
      await until('a lag', async () => (await lags()).includes(3n));
      proceed();
      await until('no lag', async () => (await lags()).every((lag) => lag === 0n));
    });

    it('remembers now and then how far a slice has come that had nothing to do', async () => {
      const a = await node();
      await a.join({ slices: 4, leaseMs: 500 });
      await withClient(scene.places.eventsUrl, (client) =>
        client.query(`select setval('concord.global_position', 5000)`),
      );
      await appendTo(a.store, 't', ['order-1'], 1);
      const saved = { text: 'select slice from concord.group_checkpoints where position > 5000 order by slice' };
      await until('all slices', async () => (await a.database.query(saved)).length === 4);
      expect(await handled(a.database, group)).toHaveLength(1);
    });
  });
}
