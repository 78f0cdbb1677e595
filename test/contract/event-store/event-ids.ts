import { EventIdInUse, InvalidArgument, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { all, event, freshStream, inTenant, to, wholeFeed, type Opened } from './kit.js';

export function eventIds(stores: Opened): void {
  describe('event ids', () => {
    it(
      'make a repeat harmless, whatever it expects',
      inTenant(async () => {
        const stream = freshStream();
        const request = to(stream, 'no-stream', event('A'), event('B'));
        const [first] = await stores.a.append(request);
        await stores.a.append(to(stream, 1n, event('C')));
        const [again] = await stores.b.append(request);
        expect(again).toEqual({ ...first, events: [] });
        expect(await all(stores.a.readStream(stream))).toHaveLength(3);
      }),
    );

    it(
      'store one append once, sent twenty times at once',
      inTenant(async () => {
        const request = to(freshStream(), 'no-stream', event('A'), event('B'));
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, index) => (index % 2 ? stores.a : stores.b).append(request)),
        );
        expect(new Set(results.map(([result]) => result!.globalPosition)).size).toBe(1);
        expect(results.filter(([result]) => result!.events.length > 0)).toHaveLength(1);
        expect(await all(stores.a.readStream(request.stream))).toHaveLength(2);
      }),
    );

    it(
      'are refused for another stream, another content, or half of an append',
      inTenant(async () => {
        const [used, stream] = [event('A'), freshStream()];
        await stores.a.append(to(stream, 'any', used));
        await expect(stores.a.append(to(freshStream(), 'any', used))).rejects.toThrow(EventIdInUse);
        await expect(stores.a.append(to(stream, 'any', { ...used, data: { n: 2 } }))).rejects.toThrow(EventIdInUse);
        await expect(stores.a.append(to(stream, 'any', used, event()))).rejects.toThrow(EventIdInUse);
        await expect(stores.a.append(to(stream, 'any', event(), used))).rejects.toThrow(EventIdInUse);
        await expect(stores.a.append(to(freshStream(), 'any', used, used))).rejects.toThrow(InvalidArgument);
        expect(await wholeFeed(stores.a)).toHaveLength(1);
      }),
    );

    it(
      'are refused when one stream of an append is a repeat and another is not',
      inTenant(async () => {
        const [repeated, other] = [to(freshStream(), 'no-stream'), to(freshStream(), 'no-stream')];
        await stores.a.append(repeated);
        await expect(stores.a.append(repeated, other)).rejects.toThrow(EventIdInUse);
        expect(await wholeFeed(stores.a)).toHaveLength(1);
      }),
    );

    it('are a matter of each tenant', async () => {
      const request = to(freshStream(), 'no-stream');
      for (const tenant of ['t-x', 't-y']) await runInTenant(tenant, () => stores.a.append(request));
      const ids = [request.events[0]!.id, newId()];
      expect(await runInTenant('t-y', () => stores.a.findEvents(ids))).toMatchObject([
        { id: ids[0], stream: request.stream },
      ]);
      expect(await runInTenant('t-z', () => stores.a.findEvents(ids))).toEqual([]);
    });
  });
}
