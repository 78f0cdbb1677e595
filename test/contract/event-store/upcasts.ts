import { type EventStore } from '@concord/event-store';
import type { Upcast } from '@concord/domain';
import { type DomainEvent, newId } from '@concord/kernel';
import { all, freshStream, inTenant, to, wholeFeed, type Opened } from './kit.js';

// Opened 1 {name} -> Opened 2 {name, limit} -> AccountOpened 3 {owner: {name}, limit}
const CHAIN: Upcast[] = [
  { type: 'Opened', from: 1, up: (data: { name: string }) => ({ ...data, limit: 0 }) },
  {
    type: 'Opened',
    from: 2,
    becomes: 'AccountOpened',
    up: ({ name, limit }: { name: string; limit: number }) => ({ owner: { name }, limit }),
  },
];
const up = (data: unknown) => data;

export function upcasts(stores: Opened): void {
  describe('upcasts', () => {
    const using = (chain: readonly Upcast[]) =>
      [stores.a, stores.b].map((store: EventStore) => store.useUpcasts(chain));
    afterEach(() => using([]));

    it(
      'show old events in their present form wherever they are read, and leave what is stored',
      inTenant(async () => {
        const stream = freshStream();
        const first = { id: newId(), type: 'Opened', data: { name: 'Ann' } };
        const second = { id: newId(), type: 'Opened', data: { name: 'Bob', limit: 5 }, metadata: { eventVersion: 2 } };
        const other = { id: newId(), type: 'Closed', data: {} };
        const third = { id: newId(), type: 'AccountOpened', data: { owner: { name: 'Cy' }, limit: 7 } };
        await stores.a.append(to(stream, 'no-stream', first, second, other));
        using(CHAIN);
        const [written] = await stores.a.append(to(stream, 2n, third));
        expect(written!.events[0]).toMatchObject({ ...third, metadata: { eventVersion: 3 } });

        const present: DomainEvent[] = [
          { type: 'AccountOpened', data: { owner: { name: 'Ann' }, limit: 0 } },
          { type: 'AccountOpened', data: { owner: { name: 'Bob' }, limit: 5 } },
          { type: 'Closed', data: {} },
          { type: 'AccountOpened', data: { owner: { name: 'Cy' }, limit: 7 } },
        ];
        const plain = (events: readonly DomainEvent[]) => events.map(({ type, data }) => ({ type, data }));
        expect(plain(await all(stores.b.readStream(stream)))).toEqual(present);
        expect(plain(await all(stores.b.readStream(stream, { direction: 'backwards' })))).toEqual(present.toReversed());
        expect(plain(await wholeFeed(stores.b))).toEqual(present);
        const { events } = await stores.b.readFeed({ types: ['AccountOpened'] });
        expect(plain(events)).toEqual(present.filter(({ type }) => type === 'AccountOpened'));
        expect(plain(await stores.b.findEvents([first.id], [stream]))).toEqual([present[0]]);
        const loaded = await stores.b.transaction(() => stores.b.lockAndLoad([stream]));
        expect(plain(loaded.get(stream)!.events)).toEqual(present);
        const several = await stores.b.transaction(() => stores.b.lockAndLoad([stream, freshStream()]));
        expect(plain(several.get(stream)!.events)).toEqual(present);

        using([]);
        expect(plain(await all(stores.b.readStream(stream)))).toEqual(plain([first, second, other, third]));
      }),
    );

    it(
      'refuse to write under an old name, and to read what newer code has written',
      inTenant(async () => {
        using(CHAIN);
        const stream = freshStream();
        const old = to(stream, 'any', { id: newId(), type: 'Opened', data: { name: 'Ann' } });
        await expect(stores.a.append(old)).rejects.toThrow(/Opened is called AccountOpened now/);
        const data = { owner: {}, limit: 0, more: 1 };
        const newer = { id: newId(), type: 'AccountOpened', data, metadata: { eventVersion: 4 } };
        await stores.a.append(to(stream, 'any', newer));
        const newerCode = { code: 'event-from-newer-code' };
        await expect(all(stores.b.readStream(stream))).rejects.toMatchObject(newerCode);
        const unknown = { id: newId(), type: 'NeverChangedHere', data, metadata: { eventVersion: 2 } };
        const other = freshStream();
        await stores.a.append(to(other, 'any', unknown));
        await expect(all(stores.b.readStream(other))).rejects.toMatchObject(newerCode);
        await expect(stores.b.readFeed()).rejects.toMatchObject(newerCode);
        await expect(stores.b.transaction(() => stores.b.lockAndLoad([stream]))).rejects.toMatchObject(newerCode);
      }),
    );

    it.each<[string, Upcast[], RegExp]>([
      ['a gap at the start', [{ type: 'A', from: 2, up }], /A have a gap: none leads to version 2/],
      [
        'a gap within',
        [
          { type: 'A', from: 1, up },
          { type: 'A', from: 3, up },
        ],
        /none leads to version 3/,
      ],
      [
        'a step twice',
        [
          { type: 'A', from: 1, up },
          { type: 'A', from: 1, up },
        ],
        /two upcasts from version 1/,
      ],
      ['a version that is none', [{ type: 'A', from: 0, up }], /the first version is 1/],
      [
        'a cycle',
        [
          { type: 'A', from: 1, becomes: 'B', up },
          { type: 'B', from: 2, becomes: 'A', up },
        ],
        /go round: A becomes B becomes A/,
      ],
      [
        'two ends',
        [
          { type: 'A', from: 1, up },
          { type: 'A', from: 2, up },
          { type: 'B', from: 1, becomes: 'A', up },
          { type: 'C', from: 1, up },
          { type: 'C', from: 2, up },
          { type: 'C', from: 3, becomes: 'A', up },
        ],
        /A end at versions 3 and 4|A end at versions 4 and 3/,
      ],
    ])('refuse %s', (_, chain, message) => {
      expect(() => stores.a.useUpcasts(chain)).toThrow(message);
    });
  });
}
