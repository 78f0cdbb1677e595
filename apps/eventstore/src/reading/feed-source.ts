// The feed, whole or filtered: its places are the global positions, up to the horizon.
import type { StoredEventFilter, StoredEvents } from '@concord/event-store';
import type { Page, Source } from './source.js';

export class FeedSource implements Source {
  readonly sparse: boolean;

  constructor(
    private readonly stored: StoredEvents,
    private readonly filter: StoredEventFilter = {},
  ) {
    const { streamPrefixes, typePrefixes, streamRegex, typeRegex, firsts } = filter;
    this.sparse = [streamPrefixes, typePrefixes, streamRegex, typeRegex, firsts].some((value) => value !== undefined);
  }

  async end(): Promise<bigint> {
    return (await this.stored.horizon()) + 1n;
  }

  exists(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async page(from: bigint, limit: number, backwards: boolean): Promise<Page> {
    // A statement of its own, before the one that reads: what the horizon settles, the second one sees.
    const horizon = await this.stored.horizon();
    const start = backwards && from > horizon ? horizon : from;
    const range = backwards ? { from: 0n, to: start, limit } : { from: start, to: horizon, limit };
    const { events, lookedAt, through } = await this.stored.feed(range, backwards, this.filter);
    const end = lookedAt < limit;
    const next = backwards ? (through ?? 0n) - 1n : end ? max(from, horizon + 1n) : (through ?? horizon) + 1n;
    return { entries: events.map((event) => ({ event })), next, end, lookedAt, through };
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
