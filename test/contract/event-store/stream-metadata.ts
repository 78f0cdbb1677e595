import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamMetadata } from '@concord/event-store';
import { InvalidArgument, metadataStreamOf, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { all, event, freshStream, inTenant, needing, streamsOf, to, wholeFeed, type Opened } from './kit.js';

export function streamMetadata(stores: Opened): void {
  const { shown, ofFive, load } = streamsOf(stores);

  describe('metadata of a stream', () => {
    it(
      'come back as they were written, each write replacing the one before',
      inTenant(async () => {
        const stream = freshStream();
        const none = { metadata: {}, revision: -1n, state: 'active' };
        expect(await stores.a.readStreamMetadata(stream)).toEqual(none);
        await stores.a.append(to(stream, 'any', ...[0, 1, 2].map(() => event())));
        const metadata: StreamMetadata = {
          maxCount: 3,
          maxAge: 60,
          truncateBefore: 2n,
          cacheControl: 5,
          acl: { read: ['$all'], metadataWrite: ['ops', 'admins'] },
          custom: { owner: { team: 'x' }, tags: ['a'] },
        };
        const written = await stores.a.writeStreamMetadata(stream, metadata, 'no-stream');
        expect(written).toMatchObject({ stream: metadataStreamOf(stream), revision: 0n });
        expect(await stores.b.readStreamMetadata(stream)).toEqual({ metadata, revision: 0n, state: 'active' });
        await stores.b.writeStreamMetadata(stream, { maxCount: 9 }, 0n);
        expect(await stores.a.readStreamMetadata(stream)).toMatchObject({ metadata: { maxCount: 9 }, revision: 1n });
        expect(await stores.a.readStreamMetadata(freshStream())).toEqual(none);
        await runInTenant('t-other', async () => expect(await stores.a.readStreamMetadata(stream)).toEqual(none));
      }),
    );

    it(
      'are events of a stream of their own, which shows the last of them, and stand in the feed',
      inTenant(async () => {
        const stream = freshStream();
        await stores.a.writeStreamMetadata(stream, { maxCount: 1, custom: { k: 1 } });
        await stores.a.writeStreamMetadata(stream, { truncateBefore: 4n });
        const events = await all(stores.b.readStream(metadataStreamOf(stream)));
        expect(events.map(({ type, data, streamPosition }) => ({ type, data, streamPosition }))).toEqual([
          { type: '$metadata', data: { $tb: 4 }, streamPosition: 1n },
        ]);
        const feed = await wholeFeed(stores.b);
        expect(feed.map(({ data }) => data)).toEqual([{ $maxCount: 1, k: 1 }, { $tb: 4 }]);
        expect((await stores.b.readFeed({ categories: ['thing'] })).events).toEqual([]);
      }),
    );

    needing('recordedAnswers', stores)(
      'are written at the expected revision only, and a repeat by its id adds nothing',
      inTenant(async () => {
        const stream = freshStream();
        const id = newId();
        const first = await stores.a.writeStreamMetadata(stream, { maxCount: 1 }, 'no-stream', id);
        const again = await stores.b.writeStreamMetadata(stream, { maxCount: 1 }, 'no-stream', id);
        expect(again).toEqual({ ...first, events: [] });
        const late = stores.a.writeStreamMetadata(stream, { maxCount: 2 }, 'no-stream');
        await expect(late).rejects.toMatchObject({ code: 'wrong-expected-version', actual: 0n });
        const other = stores.a.writeStreamMetadata(stream, { maxCount: 3 }, 'any', id);
        await expect(other).rejects.toMatchObject({ code: 'event-id-in-use' });
        expect(await stores.a.readStreamMetadata(stream)).toMatchObject({ metadata: { maxCount: 1 }, revision: 0n });
      }),
    );

    it.each<[string, StreamMetadata]>([
      ['a count of 0', { maxCount: 0 }],
      ['half a second', { maxAge: 0.5 }],
      ['an age beyond the calendar', { maxAge: 1e12 }],
      ['a negative position', { truncateBefore: -1n }],
      ['a position that JSON would change', { truncateBefore: 2n ** 60n }],
      ['a custom key with a meaning', { custom: { $tb: 3 } }],
      ['a custom value that JSON would change', { custom: { at: new Date() } }],
    ])('refuse %s', async (_, metadata) => {
      await runInTenant('t-refuse', async () => {
        const stream = freshStream();
        await expect(stores.a.writeStreamMetadata(stream, metadata)).rejects.toThrow(InvalidArgument);
        expect((await stores.a.readStreamMetadata(stream)).revision).toBe(-1n);
      });
    });

    it.each<[StreamMetadata, number[]]>([
      [{ maxCount: 2 }, [3, 4]],
      [{ truncateBefore: 3n }, [3, 4]],
      [{ truncateBefore: 1n, maxCount: 3 }, [2, 3, 4]],
      [{ truncateBefore: 3n, maxCount: 4 }, [3, 4]],
      [{ maxAge: 3600 }, [0, 1, 2, 3, 4]],
      [{ maxAge: 1000 * 365 * 24 * 3600 }, [0, 1, 2, 3, 4]],
      [{ custom: { a: 1 } }, [0, 1, 2, 3, 4]],
    ])('%j leave %j of five, in reads and loads, at once', async (metadata, left) => {
      await runInTenant(`t-${newId()}`, async () => {
        const stream = await ofFive();
        await stores.a.writeStreamMetadata(stream, metadata);
        expect(await shown(stream)).toEqual(left);
        const positions = async (options: object) =>
          (await all(stores.a.readStream(stream, options))).map((recorded) => Number(recorded.streamPosition));
        expect(await positions({ direction: 'backwards' })).toEqual(left.toReversed());
        expect(await positions({ from: 4n })).toEqual(left.filter((position) => position >= 4));
        expect(await positions({ direction: 'backwards', from: 3n })).toEqual(left.filter((p) => p <= 3).toReversed());
        expect(await positions({ limit: 1 })).toEqual(left.slice(0, 1));
        const loaded = await load(stream);
        expect(loaded.events.map(({ data }) => (data as { n: number }).n)).toEqual(left);
        expect(loaded.revision).toBe(4n);
        expect(await wholeFeed(stores.b)).toHaveLength(6);
        const [next] = await stores.b.append(to(stream, 4n));
        expect(next!.revision).toBe(5n);
      });
    });

    needing('knowsHiddenEnds', stores)(
      'hide all events, and the end of the stream is known',
      inTenant(async () => {
        const stream = await ofFive();
        await stores.a.writeStreamMetadata(stream, { truncateBefore: 9n });
        expect(await shown(stream)).toEqual([]);
        expect(await load(stream)).toMatchObject({ events: [], revision: 4n });
        await expect(stores.b.append(to(stream, 4n))).resolves.toMatchObject([{ revision: 5n }]);
      }),
    );

    it(
      'let events grow too old',
      inTenant(async () => {
        const stream = await ofFive();
        await stores.a.writeStreamMetadata(stream, { maxAge: 1 });
        expect(await shown(stream)).toHaveLength(5);
        await sleep(1100);
        const [young] = await stores.a.append(to(stream, 4n));
        expect(await shown(stream)).toEqual([5]);
        expect(young!.revision).toBe(5n);
        expect(await load(stream)).toMatchObject({ revision: 5n, events: [{ type: 'Happened' }] });
      }),
    );

    needing('multiStreamAppend', stores)(
      'count for each of the streams that are loaded together, and for no other',
      inTenant(async () => {
        const [one, two, three] = [await ofFive(), await ofFive(), freshStream()];
        await stores.a.writeStreamMetadata(two, { maxCount: 2 });
        await stores.a.transaction(async () => {
          const loaded = await stores.a.lockAndLoad([one, two, three]);
          const lengths = [one, two, three].map((stream) => [
            loaded.get(stream)!.events.length,
            Number(loaded.get(stream)!.revision),
          ]);
          expect(lengths).toEqual([
            [5, 4],
            [2, 4],
            [0, -1],
          ]);
          await stores.a.append(to(one, 4n), to(two, 4n), to(three, 'no-stream'));
        });
        expect(await shown(two)).toEqual([4, 5]);
      }),
    );
  });
}
