import { NotSupportedByStore } from '@concord/event-store';
import { WrongExpectedVersion } from '@concord/kernel';
import { all, event, freshStream, inTenant, lacking, needing, to, wholeFeed, type Opened } from './kit.js';

export function severalStreams(stores: Opened): void {
  describe('several streams', () => {
    needing('multiStreamAppend', stores)(
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

    needing('multiStreamAppend', stores)(
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

    lacking('multiStreamAppend', stores)(
      'are refused, with and without a transaction, and nothing is appended',
      inTenant(async () => {
        const [one, two] = [freshStream(), freshStream()];
        await expect(stores.a.append(to(one, 'any'), to(two, 'any'))).rejects.toThrow(NotSupportedByStore);
        const attempt = stores.a.transaction(async () => {
          await stores.a.append(to(one, 'any'));
          await stores.a.append(to(two, 'any'));
        });
        await expect(attempt).rejects.toMatchObject({ code: 'not-supported-by-store' });
        // Not even when the work goes on as if nothing had happened.
        const careless = stores.a.transaction(async () => {
          await stores.a.append(to(one, 'any'));
          await stores.a.append(to(two, 'any')).catch(() => undefined);
        });
        await expect(careless).rejects.toThrow(NotSupportedByStore);
        expect(await wholeFeed(stores.b)).toEqual([]);
      }),
    );
  });
}
