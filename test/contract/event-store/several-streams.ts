import { WrongExpectedVersion } from '@concord/kernel';
import { all, event, freshStream, inTenant, to, wholeFeed, type Opened } from './kit.js';

export function severalStreams(stores: Opened): void {
  describe('several streams', () => {
    it(
      'are appended all or not at all',
      inTenant(async () => {
        const [one, two, three] = [freshStream(), freshStream(), freshStream()];
        await stores.a.append(to(three, 'no-stream'));
        await expect(stores.a.append(to(one, 'no-stream'), to(two, 'any'), to(three, 'no-stream'))).rejects.toThrow(
          WrongExpectedVersion,
        );
        expect(await wholeFeed(stores.a)).toHaveLength(1);
        const results = await stores.a.append(to(one, 'no-stream'), to(two, 'any', event(), event()), to(three, 0n));
        expect(results.map(({ stream, revision }) => [stream, revision])).toEqual([
          [one, 0n],
          [two, 1n],
          [three, 1n],
        ]);
        expect(await wholeFeed(stores.b)).toHaveLength(5);
      }),
    );

    it(
      'never deadlock, in whatever order they are named',
      inTenant(async () => {
        const streams = Array.from({ length: 4 }, () => freshStream());
        await Promise.all(
          Array.from({ length: 40 }, (_, index) => {
            const order = index % 2 ? streams : streams.toReversed();
            return (index % 4 < 2 ? stores.a : stores.b).append(...order.map((stream) => to(stream, 'any')));
          }),
        );
        for (const stream of streams) expect(await all(stores.a.readStream(stream))).toHaveLength(40);
      }),
    );
  });
}
