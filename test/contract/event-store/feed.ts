import { newId, type RecordedEvent } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { event, freshStream, inTenant, to, wholeFeed, type Opened } from './kit.js';

export function feed(stores: Opened): void {
  describe('feed', () => {
    it(
      'shows every event once, in commit order, in pages, by category and type',
      inTenant(async () => {
        const [one, other] = [freshStream('one'), freshStream('other')];
        await stores.a.append(to(one, 'any', event('X'), event('Y')));
        const [x, z] = [to(other, 'any', event('X')), to(one, 1n, event('Z'))];
        if (stores.can.multiStreamAppend) await stores.b.append(x, z);
        else for (const request of [x, z]) await stores.b.append(request);
        await stores.a.append(to(other, 0n, event('Y')));
        const types = (events: readonly RecordedEvent[]) => events.map((recorded) => recorded.type).join('');
        const feed = await wholeFeed(stores.a, 2);
        expect(types(feed)).toBe('XYXZY');
        expect(feed.map((recorded) => recorded.globalPosition)).toEqual(
          feed.map((recorded) => recorded.globalPosition).toSorted((x, y) => (x < y ? -1 : 1)),
        );
        expect(types((await stores.a.readFeed({ categories: ['one'] })).events)).toBe('XYZ');
        expect(types((await stores.a.readFeed({ categories: ['one', 'other', 'none'] })).events)).toBe('XYXZY');
        expect(types((await stores.a.readFeed({ types: ['Y'] })).events)).toBe('YY');
        expect(types((await stores.a.readFeed({ categories: ['other'], types: ['Y'] })).events)).toBe('Y');
        const page = await stores.a.readFeed({ categories: ['one'], limit: 2 });
        expect(types(page.events)).toBe('XY');
        expect(types((await stores.a.readFeed({ categories: ['one'], after: page.through })).events)).toBe('Z');
      }),
    );

    it(
      'goes on from where it was read through, matching events or not',
      inTenant(async () => {
        await stores.a.append(to(freshStream('other'), 'any'));
        const page = await stores.a.readFeed({ categories: ['none'] });
        expect(page.events).toEqual([]);
        expect(page.through).toBeGreaterThanOrEqual((await wholeFeed(stores.a))[0]!.globalPosition);
        const [later] = await stores.a.append(to(freshStream('none'), 'any'));
        const next = await stores.a.readFeed({ categories: ['none'], after: page.through });
        expect(next.events.map((recorded) => recorded.globalPosition)).toEqual([later!.globalPosition]);
        expect((await stores.a.readFeed({ after: next.through + 1000n })).through).toBe(next.through + 1000n);
      }),
    );

    it('belongs to one tenant, and heads know all of them', async () => {
      const [mine, theirs] = [`t-${newId()}`, `t-${newId()}`];
      const [result] = await runInTenant(mine, () => stores.a.append(to(freshStream(), 'any')));
      await runInTenant(theirs, () => stores.b.append(to(freshStream(), 'any', event(), event())));
      expect(await runInTenant(mine, () => wholeFeed(stores.b))).toHaveLength(1);
      const heads = new Map((await stores.a.tenantHeads()).map(({ tenantId, head }) => [tenantId, head]));
      expect(heads.get(mine)).toBe(result!.globalPosition);
      expect(heads.get(theirs)).toBeGreaterThan(result!.globalPosition);
      expect(await stores.a.lastPosition()).toBeGreaterThanOrEqual(heads.get(theirs)!);
    });
  });
}
