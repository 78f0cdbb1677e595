import { type FeedPage, MemoryEventStore, type ReadFeedOptions } from '@concord/event-store';
import { InvalidArgument, newId, type StreamName } from '@concord/kernel';
import { runInTenant, type TenantId } from '@concord/tenancy';
import { type FeedItem, followFeed } from './follow-feed.js';

const add = (store: MemoryEventStore, stream: StreamName, ...types: string[]) =>
  runInTenant('t', () =>
    store.append({ stream, expected: 'any', events: types.map((type) => ({ id: newId(), type, data: {} })) }),
  );

async function take(feed: AsyncGenerator<FeedItem, void>, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    const { value } = await feed.next();
    if (!value) break;
    seen.push(value.kind === 'event' ? value.event.type : value.kind);
  }
  return seen;
}

/** Fails so many times, and counts what it is asked. */
class FaultyStore extends MemoryEventStore {
  reads = 0;
  constructor(
    private faults: number,
    private readonly error: () => Error = () => new Error('no connection'),
  ) {
    super();
  }
  protected override feedPage(tenant: TenantId, options: ReadFeedOptions): Promise<FeedPage> {
    this.reads += 1;
    return this.faults-- > 0 ? Promise.reject(this.error()) : super.feedPage(tenant, options);
  }
}

describe('a followed feed', () => {
  it('gives what is there after a position, says that it has caught up, and goes on', async () => {
    const store = new MemoryEventStore();
    await add(store, 'a-1', 'A', 'B', 'C');
    const feed = runInTenant('t', () => followFeed(store, { after: 1n }));
    expect(await take(feed, 3)).toEqual(['B', 'C', 'caught-up']);
    const coming = take(feed, 1);
    await add(store, 'b-1', 'D');
    expect(await coming).toEqual(['D']);
    await feed.return();
  });

  it('gives its categories and types only', async () => {
    const store = new MemoryEventStore();
    await add(store, 'a-1', 'A', 'B');
    await add(store, 'b-1', 'A', 'B');
    const feed = runInTenant('t', () => followFeed(store, { categories: ['b'], types: ['B'] }));
    expect(await take(feed, 2)).toEqual(['B', 'caught-up']);
    await feed.return();
  });

  it('says when it has fallen behind', async () => {
    const store = new MemoryEventStore();
    await add(store, 'a-1', 'A');
    const feed = runInTenant('t', () => followFeed(store, { pageSize: 2 }));
    expect(await take(feed, 2)).toEqual(['A', 'caught-up']);
    await add(store, 'a-1', 'B', 'C', 'D');
    expect(await take(feed, 5)).toEqual(['fell-behind', 'B', 'C', 'D', 'caught-up']);
    await feed.return();
  });

  it('reads no further than its reader', async () => {
    const store = new FaultyStore(0);
    await add(store, 'a-1', ...Array.from({ length: 100 }, () => 'A'));
    const feed = runInTenant('t', () => followFeed(store, { pageSize: 10 }));
    await take(feed, 5);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(store.reads).toBe(1);
    await feed.return();
  });

  it('goes on after faults, later each time, and tells them', async () => {
    const store = new FaultyStore(3);
    await add(store, 'a-1', 'A');
    const waits: number[] = [];
    const feed = runInTenant('t', () => followFeed(store, { onFault: ({ retryInMs }) => waits.push(retryInMs) }));
    expect(await take(feed, 2)).toEqual(['A', 'caught-up']);
    expect(waits.map((wait, n) => wait >= 50 * 2 ** n && wait <= 100 * 2 ** n)).toEqual([true, true, true]);
    await feed.return();
  });

  it('does not go on after what can never be right', async () => {
    const store = new FaultyStore(1, () => new InvalidArgument('no such category'));
    const feed = runInTenant('t', () => followFeed(store));
    await expect(feed.next()).rejects.toThrow('no such category');
    expect(() => followFeed(store)).toThrow('no tenant');
  });

  it('ends when it is told to: while waiting, between events, and while it is in trouble', async () => {
    const waiting = new AbortController();
    const store = new FaultyStore(0);
    await add(store, 'a-1', 'A', 'B');
    const feed = runInTenant('t', () => followFeed(store, { after: 2n, stop: waiting.signal }));
    await take(feed, 1);
    const coming = feed.next();
    waiting.abort();
    expect(await coming).toMatchObject({ done: true });

    const between = new AbortController();
    const second = runInTenant('t', () => followFeed(store, { stop: between.signal }));
    expect(await take(second, 1)).toEqual(['A']);
    between.abort();
    expect(await take(second, 5)).toEqual([]);

    const stop = new AbortController();
    const onFault = (): void => stop.abort();
    const third = runInTenant('t', () => followFeed(new FaultyStore(9), { stop: stop.signal, onFault }));
    expect(await take(third, 1)).toEqual([]);
  });
});
