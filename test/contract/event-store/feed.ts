import type { FeedPage, ReadFeedOptions } from '@concord/event-store';
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

    it(
      'takes the streams whose names begin so, whatever else they hold',
      inTenant(async () => {
        const [one, two, other] = ['one-a_1', 'one-b', 'other-a'] as const;
        for (const request of [to(one, 'any', event('X')), to(two, 'any', event('Y')), to(other, 'any', event('Z'))]) {
          await stores.a.append(request);
        }
        const read = async (options: ReadFeedOptions) =>
          (await stores.b.readFeed(options)).events.map((recorded) => recorded.type).join('');
        expect(await read({ streamPrefixes: ['one-a'] })).toBe('X');
        expect(await read({ streamPrefixes: ['o'] })).toBe('XYZ');
        expect(await read({ streamPrefixes: ['one-', 'o'] })).toBe('XYZ');
        expect(await read({ streamPrefixes: ['one-', 'one-b', 'other-'] })).toBe('XYZ');
        // Nothing of it is a pattern.
        expect(await read({ streamPrefixes: ['one-%', 'one_', 'one-a%', 'ONE'] })).toBe('');
        expect(await read({ streamPrefixes: [] })).toBe('');
        expect(await read({ streamPrefixes: ['one-', 'two-'], categories: ['one', 'two'] })).toBe('XY');
        expect(await read({ streamPrefixes: ['one-'], categories: ['other'] })).toBe('');
        expect(await read({ streamPrefixes: ['o'], categories: ['other'] })).toBe('Z');
        expect(await read({ streamPrefixes: ['one-'], types: ['Y', 'Z'] })).toBe('Y');
        expect(await read({ categories: ['one', 'one'] })).toBe('XY');
      }),
    );

    it(
      'is read backwards in the opposite order, and forwards from where that began',
      inTenant(async () => {
        const [one, other] = [freshStream('one'), freshStream('other')];
        await stores.a.append(to(one, 'any', event('A'), event('B')));
        await stores.a.append(to(other, 'any', event('C')));
        await stores.b.append(to(one, 1n, event('D')));
        const backwards = async (options: ReadFeedOptions, limit: number): Promise<RecordedEvent[]> => {
          const events: RecordedEvent[] = [];
          for (let page: FeedPage | undefined; page === undefined || page.events.length > 0;) {
            const before = page && { before: page.through };
            page = await stores.a.readFeed({ ...options, ...before, direction: 'backwards', limit });
            events.push(...page.events);
          }
          return events;
        };
        const forwards = await wholeFeed(stores.a);
        for (const limit of [1, 2, 3, 100]) expect(await backwards({}, limit)).toEqual(forwards.toReversed());
        const types = (events: readonly RecordedEvent[]) => events.map((recorded) => recorded.type).join('');
        expect(types(await backwards({ categories: ['one'] }, 2))).toBe('DBA');
        expect(types(await backwards({ categories: ['one', 'other'] }, 2))).toBe('DCBA');
        expect(types(await backwards({ types: ['A', 'C'] }, 1))).toBe('CA');
        expect(types(await backwards({ streamPrefixes: ['other-'] }, 1))).toBe('C');
        expect(types(await backwards({ after: forwards[0]!.globalPosition }, 2))).toBe('DCB');
        const [newest] = await backwards({}, 1);
        await stores.b.append(to(other, 0n, event('E')));
        expect(types((await stores.a.readFeed({ after: newest!.globalPosition })).events)).toBe('E');
      }),
    );

    it(
      'is read up to a position, and not through it',
      inTenant(async () => {
        await stores.a.append(to(freshStream(), 'any', event('A'), event('B'), event('C')));
        const [, second, third] = await wholeFeed(stores.a);
        const page = await stores.a.readFeed({ before: third!.globalPosition });
        expect(page.events.map(({ type }) => type)).toEqual(['A', 'B']);
        expect(page.through).toBe(third!.globalPosition - 1n);
        expect((await stores.a.readFeed({ after: page.through })).events.map(({ type }) => type)).toEqual(['C']);
        const none = await stores.a.readFeed({ after: second!.globalPosition, before: second!.globalPosition });
        expect(none).toMatchObject({ events: [], through: second!.globalPosition });
      }),
    );

    it.each<[string, unknown]>([
      ['limit', { limit: 0 }],
      ['limit', { limit: 1.5 }],
      ['limit', { limit: -1 }],
      ['direction', { direction: 'sideways' }],
      ['after', { after: -1n }],
      ['after', { after: 5 }],
      ['before', { before: 2n ** 63n }],
    ])('refuses a %s that is none', async (name, options) => {
      const reading = runInTenant('t-1', () => stores.a.readFeed(options as ReadFeedOptions));
      await expect(reading).rejects.toMatchObject({ code: 'invalid-argument', message: expect.stringMatching(name) });
    });

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
