import { type StreamName, metadataStreamOf, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { all, event, freshStream, inTenant, lacking, needing, streamsOf, to, type Opened, wholeFeed } from './kit.js';

export function scavenging(stores: Opened): void {
  const { shown, ofFive, load } = streamsOf(stores);
  const inFeed = async (stream: StreamName): Promise<bigint[]> =>
    (await wholeFeed(stores.b)).filter((recorded) => recorded.stream === stream).map((one) => one.streamPosition);

  describe('scavenging', () => {
    lacking('scavenging', stores)('is refused', async () => {
      await expect(runInTenant('t-1', () => stores.a.scavenge())).rejects.toMatchObject({
        code: 'not-supported-by-store',
      });
    });

    needing('scavenging', stores)(
      'takes from the feed what streams show no more, and nothing else',
      inTenant(async () => {
        const [kept, counted, truncated] = [await ofFive(), await ofFive(), await ofFive()];
        await stores.a.writeStreamMetadata(counted, { maxCount: 2 });
        await stores.a.writeStreamMetadata(truncated, { truncateBefore: 1n });
        await stores.a.writeStreamMetadata(truncated, { truncateBefore: 4n });
        expect(await wholeFeed(stores.b)).toHaveLength(18);
        // Three, four, and the metadata that others replaced.
        expect(await stores.a.scavenge()).toBe(8);
        expect(await inFeed(kept)).toEqual([0n, 1n, 2n, 3n, 4n]);
        expect(await inFeed(counted)).toEqual([3n, 4n]);
        expect(await inFeed(truncated)).toEqual([4n]);
        expect(await inFeed(metadataStreamOf(truncated))).toEqual([1n]);
        expect(await stores.a.scavenge()).toBe(0);
        expect(await shown(counted)).toEqual([3, 4]);
        expect(await load(counted)).toMatchObject({ revision: 4n, events: [{ data: { n: 3 } }, { data: { n: 4 } }] });
        await expect(stores.b.append(to(counted, 'no-stream'))).rejects.toMatchObject({ actual: 4n });
        await stores.b.append(to(counted, 4n));
        expect(await shown(counted)).toEqual([4, 5]);
      }),
    );

    needing('scavenging', stores)(
      'leaves the last event of a stream, which says where it ends, and of a tombstone only itself',
      inTenant(async () => {
        const [deleted, buried, beyond] = [await ofFive(), await ofFive(), await ofFive()];
        await stores.a.deleteStream(deleted, 'any');
        await stores.a.tombstoneStream(buried, 'any');
        await stores.a.writeStreamMetadata(beyond, { truncateBefore: 100n });
        await stores.a.scavenge();
        expect(await inFeed(deleted)).toEqual([4n]);
        expect(await inFeed(buried)).toEqual([2n ** 63n - 1n]);
        expect(await inFeed(beyond)).toEqual([4n]);
        expect(await stores.b.readStreamMetadata(deleted)).toMatchObject({ state: 'deleted' });
        await expect(stores.b.append(to(buried, 'any'))).rejects.toMatchObject({ code: 'stream-deleted' });
        await expect(stores.b.append(to(deleted, 'no-stream'))).resolves.toMatchObject([{ revision: 5n }]);
        expect(await shown(deleted)).toEqual([5]);
        expect(await shown(beyond)).toEqual([]);
        await stores.a.writeStreamMetadata(beyond, {});
        expect(await shown(beyond)).toEqual([4]);
        expect((await all(stores.a.readStream(beyond, { direction: 'backwards' }))).length).toBe(1);
      }),
    );

    needing('scavenging', stores)(
      'is a matter of one tenant',
      inTenant(async () => {
        const stream = await ofFive();
        await stores.a.writeStreamMetadata(stream, { maxCount: 1 });
        await runInTenant(`t-${newId()}`, async () => {
          await stores.a.append(to(stream, 'any', event(), event()));
          expect(await stores.a.scavenge()).toBe(0);
        });
        expect(await inFeed(stream)).toHaveLength(5);
      }),
    );

    needing('scavenging', stores)(
      'goes on beside appends: positions stay without gaps',
      inTenant(async () => {
        const stream = freshStream();
        await stores.a.writeStreamMetadata(stream, { maxCount: 3 });
        const append = async (): Promise<void> => {
          for (let n = 0; n < 30; n += 1) await stores.b.append(to(stream, 'any', event('N', { n })));
        };
        const scavenge = async (): Promise<void> => {
          for (let n = 0; n < 15; n += 1) await stores.a.scavenge();
        };
        await Promise.all([append(), append(), scavenge()]);
        await stores.a.scavenge();
        expect(await shown(stream)).toEqual([57, 58, 59]);
        expect(await inFeed(stream)).toEqual([57n, 58n, 59n]);
      }),
    );
  });
}
