// The feed, whole or filtered: its places are the global positions, up to the horizon.
import type { StoredEventFilter, StoredEvents } from '@concord/event-store';
import type { Page, Source } from './source.js';

export class FeedSource implements Source {
  readonly sparse: boolean;
  /** Whether what is looked at are matching events only, so that the last of them does not tell how far that was. */
  private readonly looksPast: boolean;

  constructor(
    private readonly stored: StoredEvents,
    private readonly filter: StoredEventFilter = {},
  ) {
    const { streamPrefixes, typePrefixes, streamRegex, typeRegex, firsts, category, type } = filter;
    this.sparse = [streamPrefixes, typePrefixes, streamRegex, typeRegex, firsts].some((value) => value !== undefined);
    this.looksPast = category !== undefined || type !== undefined;
  }

  async end(): Promise<bigint> {
    return this.afterLast(await this.stored.horizon());
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
    const entries = events.map((event) => ({ event }));
    if (backwards) return { entries, next: (through ?? 0n) - 1n, end, lookedAt, through };
    const after = through === undefined ? from : through + 1n;
    const next = end && this.looksPast ? max(after, await this.afterLast(horizon)) : after;
    return { entries, next, end, lookedAt, through };
  }

  /**
   * The place after the last event, and not after the horizon: what is told to clients as a checkpoint has to be durable,
   * and a position whose append was rolled back may be given again after a crash of the database.
   */
  private async afterLast(horizon: bigint): Promise<bigint> {
    const { through } = await this.stored.feed({ from: 0n, to: horizon, limit: 1 }, true);
    return through === undefined ? 0n : through + 1n;
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
