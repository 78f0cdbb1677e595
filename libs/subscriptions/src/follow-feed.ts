// One tenant's feed, live: from any position on, without a checkpoint. Who reads says how fast: one page is in memory.
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore } from '@concord/event-store';
import { type GlobalPosition, InvalidArgument, type RecordedEvent } from '@concord/kernel';
import { currentTenant, runInTenant, TenantMissing } from '@concord/tenancy';
import { delayOf } from './backoff.js';
import { Lookout } from './lookout.js';

/** Which part of the feed, and for how long. */
export interface FollowFeedOptions {
  /** 0n by default: from the first event on. */
  readonly after?: GlobalPosition;
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
  /** Events read at a time, and so in memory ahead of the reader; 500 by default. */
  readonly pageSize?: number;
  readonly stop?: AbortSignal;
  /** Told of each fault; the reading goes on after it, later and later, where it was. */
  readonly onFault?: (fault: {
    readonly error: unknown;
    readonly attempts: number;
    readonly retryInMs: number;
  }) => void;
}

/** What comes: events, and the moments at which the reader has seen all there is, or no longer has. */
export type FeedItem =
  | { readonly kind: 'event'; readonly event: RecordedEvent }
  | { readonly kind: 'caught-up'; readonly position: GlobalPosition }
  | { readonly kind: 'fell-behind'; readonly position: GlobalPosition };

const DEFAULT_PAGE = 500;
const BACKOFF = { firstMs: 100, mostMs: 10_000 };

/**
 * Yields the feed of the running tenant, and goes on waiting for more until `stop` is aborted or the iteration is left.
 * Errors: TenantMissing, and InvalidArgument of the store; every other fault is tried again.
 */
export function followFeed(store: EventStore, options: FollowFeedOptions = {}): AsyncGenerator<FeedItem, void> {
  const tenant = currentTenant();
  const { after = 0n, pageSize: limit = DEFAULT_PAGE, categories, types } = options;
  const filter = { limit, ...(categories && { categories }), ...(types && { types }) };
  const read: Read = (position) => runInTenant(tenant, () => store.readFeed({ ...filter, after: position }));
  return follow(store, read, after, {
    ...options,
    pageSize: limit,
    stop: options.stop ?? new AbortController().signal,
  });
}

type Followed = FollowFeedOptions & { readonly pageSize: number; readonly stop: AbortSignal };
type Read = (after: GlobalPosition) => ReturnType<EventStore['readFeed']>;

async function* follow(
  store: EventStore,
  read: Read,
  after: GlobalPosition,
  options: Followed,
): AsyncGenerator<FeedItem, void> {
  const { stop, pageSize } = options;
  const lookout = new Lookout(store);
  const close = (): void => lookout.close();
  stop.addEventListener('abort', close);
  try {
    let position = after;
    for (let isLive = false; !stop.aborted;) {
      const { seen } = lookout;
      const { events, through } = await readPatiently(read, position, options);
      if (isLive && events.length >= pageSize) {
        isLive = false;
        yield { kind: 'fell-behind', position };
      }
      yield* untilStopped(events, stop);
      position = through;
      // A page may be short and yet not the last.
      if (events.length > 0 || isAborted(stop)) continue;
      if (!isLive) yield { kind: 'caught-up', position };
      isLive = true;
      await lookout.rest(seen);
    }
  } finally {
    close();
    stop.removeEventListener('abort', close);
  }
}

function* untilStopped(events: readonly RecordedEvent[], stop: AbortSignal): Generator<FeedItem> {
  for (const event of events) {
    if (stop.aborted) return;
    yield { kind: 'event', event };
  }
}

// Time has passed since it was last asked.
function isAborted(stop: AbortSignal): boolean {
  return stop.aborted;
}

async function readPatiently(read: Read, position: GlobalPosition, { stop, onFault }: Followed): ReturnType<Read> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await read(position);
    } catch (error) {
      if (error instanceof InvalidArgument || error instanceof TenantMissing) throw error;
      const retryInMs = delayOf(BACKOFF, attempts);
      onFault?.({ error, attempts, retryInMs });
      await sleep(retryInMs, undefined, { signal: stop }).catch(() => undefined);
      if (stop.aborted) return { events: [], through: position };
    }
  }
}
