// Events with personal fields, and all the ways to read a stream of them.
import { personal } from '@concord/domain';
import type { EventStore } from '@concord/event-store';
import { type DomainEvent, newId, type NewEvent, type StreamName } from '@concord/kernel';
import { MasterKeys } from '@concord/privacy';
import { all, freshStream, wholeFeed } from './kit.js';

type AccountOpened = DomainEvent<
  'AccountOpened',
  { ownerId: string; ownerName: string; address: { street: string; zip: string }; notes?: string[]; limit: number }
>;
type Transferred = DomainEvent<'Transferred', { from: string; fromName: string; to: string; toName: string }>;

export const PERSONAL = [
  personal<AccountOpened>({
    type: 'AccountOpened',
    subject: 'ownerId',
    fields: { ownerName: '(forgotten)', 'address.street': '-', notes: [] },
  }),
  personal<Transferred>({ type: 'Transferred', subject: 'from', fields: { fromName: '?' } }),
  personal<Transferred>({ type: 'Transferred', subject: 'to', fields: { toName: '?' } }),
];
export const MASTER = new MasterKeys(Buffer.alloc(32, 7).toString('base64'));

export const opened = (ownerId: string, name = 'Ada Lovelace'): NewEvent => ({
  id: newId(),
  type: 'AccountOpened',
  data: { ownerId, ownerName: name, address: { street: 'St. James’s Square 12', zip: '1' }, notes: ['π'], limit: 5 },
});
export const FORGOTTEN = { ownerName: '(forgotten)', address: { street: '-', zip: '1' }, notes: [], limit: 5 };
export const dataOf = (events: readonly DomainEvent[]): unknown[] => events.map(({ data }) => data);

/** A stream and everything that can be read of it. */
export const readsOf = (
  store: EventStore,
  stream: StreamName,
  ids: readonly string[],
): Record<string, () => Promise<unknown[]>> => ({
  forwards: async () => dataOf(await all(store.readStream(stream))),
  backwards: async () => dataOf(await all(store.readStream(stream, { direction: 'backwards' }))).toReversed(),
  feed: async () => dataOf((await wholeFeed(store)).filter((one) => one.stream === stream)),
  'feed backwards': async () => {
    const { events } = await store.readFeed({ direction: 'backwards' });
    return dataOf(events.filter((one) => one.stream === stream)).toReversed();
  },
  types: async () => dataOf((await store.readFeed({ types: ['AccountOpened', 'Other'] })).events),
  ids: async () => {
    const found = await store.findEvents(ids, [stream]);
    return dataOf(found.toSorted((a, b) => Number(a.streamPosition - b.streamPosition)));
  },
  load: () =>
    store.transaction(async () => {
      const { events, holdsPersonal } = (await store.lockAndLoad([stream])).get(stream)!;
      expect(holdsPersonal).toBe(true);
      return dataOf(events);
    }),
  'load of several': () =>
    store.transaction(async () => {
      const other = freshStream();
      const loaded = await store.lockAndLoad([other, stream]);
      expect(loaded.get(other)!.holdsPersonal).toBeUndefined();
      return dataOf(loaded.get(stream)!.events);
    }),
  ...(store.unlocked && {
    'load without a lock': async () => {
      const { events, holdsPersonal } = await store.unlocked!.load(stream);
      expect(holdsPersonal).toBe(true);
      return dataOf(events);
    },
  }),
});
