// Consumer groups: what becomes of an event that fails. Each node has connections of its own.
import { newId, type RecordedEvent } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { appendTo, countHandled, handled, type Node, until, writeDown } from '../../fixtures/group-member.js';
import { allHandled, clean, group, type GroupStores, sceneOn, streams } from './kit.js';

export function parkedEvents(stores: GroupStores): void {
  const scene = sceneOn(stores);
  const node = scene.node.bind(scene);

  describe('a failing event', () => {
    const failing = (bad: (event: RecordedEvent) => boolean) => ({
      handle: async (event: RecordedEvent, ...rest: [Parameters<typeof writeDown>[1], Node['database']]) => {
        await writeDown(event, ...rest);
        if (bad(event)) throw new Error(`refused\0 ${event.stream}`);
      },
    });
    const retry = { firstMs: 10, mostMs: 50 };
    const positions = async (of: Node, stream: string): Promise<bigint[]> =>
      (await handled(of.database, group)).filter((row) => row.stream === stream).map((row) => row.stream_position);

    it('is tried again, later and later, and handled once in the end', async () => {
      const a = await node();
      await appendTo(a.store, 't', ['order-1', 'order-2'], 3);
      let left = 3;
      const { handle } = failing((event) => event.stream === 'order-1' && event.streamPosition === 1n && left-- > 0);
      await a.join({ slices: 1, retry, batchSize: 1 }, handle);
      await until('all handled', allHandled(a));
      expect(await countHandled(a, group)).toEqual({ events: 6, ...clean });
      const rows = await handled(a.database, group);
      expect(rows.find((row) => row.stream === 'order-1' && row.stream_position === 1n)?.attempt).toBe(4);
      expect(a.failures.map(({ outcome }) => outcome)).toEqual(['retrying', 'retrying', 'retrying']);
      await until('nobody waits', async () => (await a.groups.describe(group)).slices[0]!.waitingStreams === 0);
    });

    it('stays parked when it cannot be read for its replay, and holds up nobody else', async () => {
      const a = await node();
      await appendTo(a.store, 't', ['order-1'], 1);
      const { handle } = failing((event) => event.stream === 'order-1');
      await a.join({ slices: 1, retry, maxAttempts: 1, whenParked: 'skip' }, handle);
      const parked = () => runInTenant('t', () => a.groups.parked(group));
      await until('parked', async () => (await parked()).length === 1);
      const unreadable = () => Promise.reject(new Error('written by newer code'));
      a.store.findEvents = unreadable;
      const { readStream } = a.store;
      a.store.readStream = (stream, options) =>
        stream === 'order-1'
          ? { [Symbol.asyncIterator]: () => ({ next: unreadable }) }
          : readStream.call(a.store, stream, options);
      await runInTenant('t', async () => a.groups.replay(group, [(await parked())[0]!.eventId]));
      await until('it was tried', async () => (await parked())[0]?.reason.includes('newer code') ?? false);
      await appendTo(a.store, 't', ['order-2'], 1);
      await until('the other is handled', async () => (await positions(a, 'order-2')).length === 1);
    });

    it('is parked with its reason; under "block" its stream waits, and no other, until it is replayed', async () => {
      const [a, b] = [await node(), await node()];
      let bad = true;
      const { handle } = failing((event) => bad && event.stream === 'order-1' && event.streamPosition === 1n);
      await a.join({ slices: 1, retry, maxAttempts: 3 }, handle);
      await appendTo(a.store, 't', ['order-1', 'order-2', 'order-3'], 4);
      await until('the others', async () => (await positions(a, 'order-3')).length === 4);
      await until('parked', async () => (await runInTenant('t', () => b.groups.parked(group))).length === 1);
      const [parked] = await runInTenant('t', () => b.groups.parked(group));
      expect(parked).toMatchObject({
        group,
        tenantId: 't',
        stream: 'order-1',
        streamPosition: 1n,
        attempts: 3,
        slice: 0,
      });
      expect(parked!.reason).toBe('Error: refused order-1');
      expect(await runInTenant('other', () => b.groups.parked(group))).toEqual([]);
      expect(await runInTenant('other', () => b.groups.replay(group, [parked!.eventId]))).toBe(0);
      await appendTo(a.store, 't', ['order-1', 'order-2'], 2);
      await until('the other goes on', async () => (await positions(a, 'order-2')).length === 6);
      expect(await positions(a, 'order-1')).toEqual([0n]);
      const state = await b.groups.describe(group);
      expect(state.slices[0]).toMatchObject({ waitingStreams: 1, parked: 1 });
      expect(state.parked).toEqual([{ tenantId: 't', events: 1 }]);

      // Still bad: it stays where it is.
      expect(await runInTenant('t', () => b.groups.replay(group, [parked!.eventId]))).toBe(1);
      await until(
        'a fourth attempt',
        async () => (await runInTenant('t', () => b.groups.parked(group)))[0]!.attempts === 4,
      );
      expect(await positions(a, 'order-1')).toEqual([0n]);
      bad = false;
      await runInTenant('t', () => b.groups.replay(group, [parked!.eventId]));
      await until('all handled', allHandled(a));
      expect(await countHandled(a, group)).toEqual({ events: 16, ...clean });
      expect(await runInTenant('t', () => b.groups.parked(group))).toEqual([]);
      await appendTo(a.store, 't', ['order-1'], 1);
      await until('back with its slice', allHandled(a));
      expect((await countHandled(a, group)).disordered).toBe(0);
    });

    it('under "block", is discarded: its stream goes on after it, also with another owner', async () => {
      const [a, b] = [await node(), await node()];
      const { handle } = failing((event) => event.stream === 'order-1' && event.streamPosition === 0n);
      const member = await a.join({ slices: 1, retry, maxAttempts: 1 }, handle);
      await appendTo(a.store, 't', ['order-1', 'order-2'], 3);
      await until('parked', async () => (await runInTenant('t', () => a.groups.parked(group))).length === 1);
      await member.leave();
      await b.join({ retry }, handle);
      await appendTo(a.store, 't', ['order-1', 'order-2'], 1);
      await until('the other stream', async () => (await positions(a, 'order-2')).length === 4);
      expect(await positions(a, 'order-1')).toEqual([]);
      const [parked] = await runInTenant('t', () => a.groups.parked(group));
      expect(await runInTenant('t', () => a.groups.discard(group, [parked!.eventId, newId()]))).toBe(1);
      await until('the rest of the stream', async () => (await positions(a, 'order-1')).length === 3);
      expect(await positions(a, 'order-1')).toEqual([1n, 2n, 3n]);
      await expect(runInTenant('t', () => a.groups.discard(group, ['x']))).rejects.toThrow('no event id');
    });

    it('does not make the next owner repeat what its stream has done since', async () => {
      const [a, b] = [await node(), await node()];
      let left = 1;
      const { handle } = failing((event) => event.streamPosition === 3n || (event.streamPosition === 0n && left-- > 0));
      await appendTo(a.store, 't', ['order-1'], 5);
      const member = await a.join({ slices: 1, retry, maxAttempts: 2, batchSize: 1 }, handle);
      await until('parked', async () => (await runInTenant('t', () => a.groups.parked(group))).length === 1);
      await member.leave();
      const [parked] = await runInTenant('t', () => a.groups.parked(group));
      await runInTenant('t', () => a.groups.discard(group, [parked!.eventId]));
      // Its stream is due before the slice has come as far as the stream had.
      await b.join({ slices: 1, retry, maxAttempts: 2 }, handle);
      await until('back with its slice', async () => (await a.groups.describe(group)).slices[0]!.waitingStreams === 0);
      await appendTo(a.store, 't', ['order-1'], 1);
      await until('the new event', async () => (await positions(a, 'order-1')).includes(5n));
      expect(await positions(a, 'order-1')).toEqual([0n, 1n, 2n, 4n, 5n]);
    });

    it('under "skip", is parked and left behind; a replay handles it late', async () => {
      const a = await node();
      let bad = true;
      const { handle } = failing((event) => bad && event.stream === 'order-1' && event.streamPosition < 2n);
      await a.join({ slices: 1, retry, maxAttempts: 2, whenParked: 'skip' }, handle);
      await appendTo(a.store, 't', ['order-1', 'order-2'], 4);
      await until('the rest of the stream', async () => (await positions(a, 'order-1')).length === 2);
      const parked = await runInTenant('t', () => a.groups.parked(group));
      expect(parked.map(({ streamPosition }) => streamPosition)).toEqual([0n, 1n]);
      bad = false;
      await runInTenant('t', () => a.groups.replay(group, [parked[1]!.eventId]));
      await until('the replay', async () => (await positions(a, 'order-1')).length === 3);
      expect(await positions(a, 'order-1')).toEqual([2n, 3n, 1n]);
      expect(await runInTenant('t', () => a.groups.parked(group))).toHaveLength(1);
    });

    it('of a stream that is deleted for good: the rest of it is not waited for', async () => {
      const a = await node();
      const { handle } = failing((event) => event.stream === 'order-1');
      await a.join({ slices: 1, retry, maxAttempts: 2 }, handle);
      await appendTo(a.store, 't', ['order-1', 'order-2'], 2);
      await until('parked', async () => (await runInTenant('t', () => a.groups.parked(group))).length === 1);
      await runInTenant('t', () => a.store.tombstoneStream('order-1', 'any'));
      const [parked] = await runInTenant('t', () => a.groups.parked(group));
      await runInTenant('t', () => a.groups.discard(group, [parked!.eventId]));
      await until('nobody waits', async () => (await a.groups.describe(group)).slices[0]!.waitingStreams === 0);
      expect(a.failures.filter(({ outcome }) => outcome === 'interrupted')).toEqual([]);
      await appendTo(a.store, 't', ['order-2'], 1);
      await until('the other stream', async () => (await positions(a, 'order-2')).length === 3);
    });

    it('of one tenant holds up no other, and a whole failing tenant does not stop the slice', async () => {
      const a = await node();
      const { handle } = failing((event) => event.metadata.tenantId === 'bad');
      await a.join({ slices: 2, retry, maxAttempts: 2 }, handle);
      await appendTo(a.store, 'bad', streams(150), 1);
      await appendTo(a.store, 'good', streams(10), 2);
      await until('the good', async () => (await handled(a.database, group)).length === 20);
      await until('the bad', async () => (await a.groups.describe(group)).parked[0]?.events === 150);
    });

    it('is not alone when all fail: then the slice waits, and does not set aside everything', async () => {
      const a = await node();
      const { handle } = failing(() => true);
      await a.join({ slices: 1, retry: { firstMs: 3_600_000, mostMs: 3_600_000 } }, handle);
      await appendTo(a.store, 't', streams(150), 1);
      const waiting = async (): Promise<number> => (await a.groups.describe(group)).slices[0]!.waitingStreams;
      await until('a hundred', async () => (await waiting()) === 100);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await waiting()).toBe(100);
    });
  });
}
