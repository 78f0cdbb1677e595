// Pages are read once for all slices, and again when personal fields in them may be forgotten by now.
import { MemoryEventStore, type ReadFeedOptions } from '@concord/event-store';
import { type EventSeal, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { FeedPages } from './feed-pages.js';

class Counting extends MemoryEventStore {
  reads = 0;
  override readFeed(options: ReadFeedOptions) {
    this.reads += 1;
    return super.readFeed(options);
  }
}

it('a page is kept until somebody may have been forgotten', async () => {
  const store = new Counting();
  let epoch = 0;
  const seal: EventSeal = {
    get epoch() {
      return epoch;
    },
    isPersonal: () => false,
    seal: (_tenant, appends) => appends,
    open: (_tenant, events) => Promise.resolve(events.map(({ data }) => data)),
  };
  store.useSeal(seal);
  const event = { id: newId(), type: 'A', data: {} };
  await runInTenant('t', () => store.append({ stream: 's-1', expected: 'any', events: [event] }));
  const pages = new FeedPages(store, {}, 4, 256);
  await pages.read('t', 0n);
  await pages.read('t', 0n);
  expect(store.reads).toBe(1);
  epoch += 1;
  await pages.read('t', 0n);
  expect(store.reads).toBe(2);
});
