import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventStore } from '@concord/event-store';
import { type ExpectedVersion, newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { all, event, freshStream, inTenant, needing, to, wholeFeed, type Opened } from './kit.js';

export function transaction(stores: Opened): void {
  describe('transaction', () => {
    it(
      'commits what it has appended to a stream as one, seen by others only afterwards',
      inTenant(async () => {
        const stream = freshStream();
        const asOthers = AsyncLocalStorage.bind(async () => [
          await all(stores.b.readStream(stream)),
          (await stores.b.readFeed()).events,
        ]);
        const results = await stores.a.transaction(async () => {
          const [first] = await stores.a.append(to(stream, 'no-stream', event('A')));
          const [second] = await stores.a.append(to(stream, 0n, event('B'), event('C')));
          expect((await all(stores.a.readStream(stream))).map(({ type }) => type)).toEqual(['A', 'B', 'C']);
          const backwards = await all(stores.a.readStream(stream, { direction: 'backwards', from: 1n }));
          expect(backwards.map(({ type, streamPosition }) => [type, streamPosition])).toEqual([
            ['B', 1n],
            ['A', 0n],
          ]);
          expect(await asOthers()).toEqual([[], []]);
          return [first, second];
        });
        const feed = await wholeFeed(stores.b);
        expect(feed.map(({ type }) => type)).toEqual(['A', 'B', 'C']);
        expect(results.map((result) => result!.globalPosition)).toEqual([
          feed[0]!.globalPosition,
          feed[2]!.globalPosition,
        ]);
        expect(results.flatMap((result) => result!.events)).toEqual(feed);
      }),
    );

    it(
      'takes what was appended and not awaited',
      inTenant(async () => {
        const [stream, other] = [freshStream(), freshStream()];
        await stores.a.transaction(() => {
          void stores.a.append(to(stream, 'any'));
          return Promise.resolve();
        });
        expect(await all(stores.b.readStream(stream))).toHaveLength(1);
        const failing = stores.a.transaction(() => {
          stores.a.append(to(other, 5n)).catch(() => undefined);
          return Promise.resolve();
        });
        await expect(failing).rejects.toMatchObject({ code: 'wrong-expected-version' });
      }),
    );

    needing('multiStreamAppend', stores)(
      'commits appends as one, seen by others only afterwards',
      inTenant(async () => {
        const [one, two] = [freshStream(), freshStream()];
        const asOthers = AsyncLocalStorage.bind(async () => [
          await all(stores.b.readStream(one)),
          (await stores.b.readFeed()).events,
        ]);
        await stores.a.transaction(async () => {
          await stores.a.append(to(one, 'no-stream'));
          await stores.a.append(to(two, 'no-stream'));
          expect(await all(stores.a.readStream(one))).toHaveLength(1);
          expect(await asOthers()).toEqual([[], []]);
        });
        expect(await wholeFeed(stores.b)).toHaveLength(2);
      }),
    );

    it(
      'leaves nothing behind when it fails',
      inTenant(async () => {
        const stream = freshStream();
        const failing = stores.a.transaction(async () => {
          await stores.a.append(to(stream, 'no-stream'));
          throw new Error('no');
        });
        await expect(failing).rejects.toThrow('no');
        expect(await all(stores.b.readStream(stream))).toEqual([]);
        await expect(stores.b.append(to(stream, 'no-stream'))).resolves.toHaveLength(1);
      }),
    );

    it(
      'holds the locks of what it loaded: reads are decided on as if alone',
      inTenant(async () => {
        const stream = freshStream();
        const addOne = (store: EventStore) =>
          store.transaction(async () => {
            const { events } = (await store.lockAndLoad([stream])).get(stream)!;
            const count = events.length;
            await store.append({
              stream,
              expected: count ? BigInt(count - 1) : 'no-stream',
              events: [event('N', { count })],
            });
          });
        await Promise.all(Array.from({ length: 20 }, (_, index) => addOne(index % 2 ? stores.a : stores.b)));
        const counts = (await all(stores.a.readStream(stream))).map(
          (recorded) => (recorded.data as { count: number }).count,
        );
        expect(counts).toEqual(Array.from({ length: 20 }, (_, index) => index));
      }),
    );

    needing('multiStreamAppend', stores)(
      'locks several streams without deadlock, in whatever order',
      inTenant(async () => {
        const streams = Array.from({ length: 3 }, () => freshStream());
        const visit = (store: EventStore, order: StreamName[]) =>
          store.transaction(async () => {
            const loaded = await store.lockAndLoad(order);
            expect([...loaded.keys()].toSorted()).toEqual(streams.toSorted());
            await store.append(...order.map((stream) => to(stream, 'any')));
          });
        await Promise.all(
          Array.from({ length: 12 }, (_, index) =>
            visit(index % 2 ? stores.a : stores.b, index % 3 ? streams : streams.toReversed()),
          ),
        );
        for (const stream of streams) expect(await all(stores.a.readStream(stream))).toHaveLength(12);
      }),
    );

    it.each<[ExpectedVersion, number]>([
      [5n, 2],
      [0n, 2],
      ['no-stream', 2],
      [0n, 0],
      ['stream-exists', 0],
    ])('checks expected version %s on a locked stream with %s events', async (expected, events) => {
      await runInTenant(`t-${newId()}`, async () => {
        const stream = freshStream();
        if (events > 0)
          await stores.a.append(to(stream, 'no-stream', ...Array.from({ length: events }, () => event())));
        const attempt = stores.a.transaction(async () => {
          await stores.a.lockAndLoad([stream]);
          await stores.a.append(to(stream, expected));
        });
        await expect(attempt).rejects.toMatchObject({ code: 'wrong-expected-version', stream, expected });
        expect(await all(stores.a.readStream(stream))).toHaveLength(events);
      });
    });

    it(
      'appends again and again to a stream it has locked, and knows a repeat there',
      inTenant(async () => {
        const stream = freshStream();
        const [first, second] = [event(), event()];
        await stores.a.append(to(stream, 'no-stream', first));
        await stores.a.transaction(async () => {
          await stores.a.lockAndLoad([stream]);
          const [repeated] = await stores.a.append(to(stream, 0n, first));
          expect(repeated).toMatchObject({ revision: 0n, events: [] });
          await stores.a.append(to(stream, 0n, second));
          await stores.a.append(to(stream, 1n));
          await expect(stores.a.lockAndLoad([stream])).resolves.toEqual(
            new Map([[stream, { events: expect.any(Array), revision: 2n, first: 0n }]]),
          );
          await stores.a.append(to(stream, 2n));
        });
        const positions = (await all(stores.b.readStream(stream))).map((recorded) => recorded.streamPosition);
        expect(positions).toEqual([0n, 1n, 2n, 3n]);
      }),
    );

    it(
      "does not take one tenant's stream for another's of the same name",
      inTenant(async () => {
        const stream = freshStream();
        await stores.a.append(to(stream, 'no-stream'));
        const attempt = stores.a.transaction(async () => {
          await stores.a.lockAndLoad([stream]);
          await runInTenant(`t-${newId()}`, () => stores.a.append(to(stream, 0n)));
        });
        await expect(attempt).rejects.toMatchObject({ code: 'wrong-expected-version' });
      }),
    );

    it('is needed to lock', async () => {
      await expect(runInTenant('t-1', async () => stores.a.lockAndLoad(['a-1']))).rejects.toThrow(/inside transaction/);
    });

    it(
      'announces an append once it is committed, and only then',
      inTenant(async () => {
        const heard: string[] = [];
        // Hints of what others appended may still be on their way.
        const stop = stores.a.onAppended((source) => source === 'here' && heard.push('appended'));
        await stores.a.transaction(async () => {
          await stores.a.append(to(freshStream(), 'any'));
          expect(heard).toEqual([]);
        });
        expect(heard).toEqual(['appended']);
        await stores.a.transaction(() => stores.a.append(to(freshStream(), 1n))).catch(() => undefined);
        expect(heard).toHaveLength(1);
        stop();
        await stores.a.append(to(freshStream(), 'any'));
        expect(heard).toHaveLength(1);
      }),
    );

    it(
      'is not failed by a listener that fails, nor are the other listeners',
      inTenant(async () => {
        const { emitWarning } = process;
        const warnings: unknown[][] = [];
        process.emitWarning = (...given: unknown[]) => void warnings.push(given);
        let heard = 0;
        const stops = [
          stores.a.onAppended((source) => {
            if (source === 'here') throw new Error('a listener that fails');
          }),
          stores.a.onAppended((source) => (heard += Number(source === 'here'))),
        ];
        try {
          await stores.a.append(to(freshStream(), 'any'));
          await stores.a.transaction(() => stores.a.append(to(freshStream(), 'any')));
        } finally {
          process.emitWarning = emitWarning;
          for (const stop of stops) stop();
        }
        expect(heard).toBe(2);
        // As text: Node takes no error of the realm that Jest runs specs in.
        expect(warnings).toHaveLength(2);
        expect(warnings[0]).toEqual([expect.stringContaining('a listener that fails'), expect.any(String)]);
      }),
    );
  });
}
