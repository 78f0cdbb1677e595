// What the suites of the contract share.
import {
  type AppendRequest,
  type EventStore,
  type FeedPage,
  type LoadedStream,
  type StoreCapabilities,
} from '@concord/event-store';
import {
  type ExpectedVersion,
  type NewEvent,
  newId,
  type RecordedEvent,
  type StreamName,
  streamName,
} from '@concord/kernel';
import type { SubjectKeys } from '@concord/privacy';
import { runInTenant } from '@concord/tenancy';

/** Two handles on the same store, as two processes would have. */
export interface TwoStores {
  readonly a: EventStore;
  readonly b: EventStore;
  /** Of the data subjects, for each store. */
  readonly keys: { readonly a: SubjectKeys; readonly b: SubjectKeys };
  close(): Promise<void>;
}

export function event(type = 'Happened', data: unknown = { n: 1 }): NewEvent {
  return { id: newId(), type, data };
}

export function freshStream(category = 'thing'): StreamName {
  return streamName(category, newId());
}

export function all(events: AsyncIterable<RecordedEvent>): Promise<RecordedEvent[]> {
  return Array.fromAsync(events);
}

/** Reads a tenant's whole feed in pages of `limit`. */
export async function wholeFeed(store: EventStore, limit = 3): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (let page: FeedPage | undefined; page === undefined || page.events.length > 0;) {
    page = await store.readFeed({ after: page?.through ?? 0n, limit });
    events.push(...page.events);
  }
  return events;
}

export const to = (stream: StreamName, expected: ExpectedVersion, ...events: NewEvent[]): AppendRequest => ({
  stream,
  expected,
  events: events.length > 0 ? events : [event()],
});

/** Runs a test as a tenant of its own. */
export const inTenant = (work: () => Promise<void>) => () => runInTenant(`t-${newId()}`, work);

/** The stores of the running suite, set before its tests, and what they can do. */
export interface Opened {
  a: EventStore;
  b: EventStore;
  readonly can: StoreCapabilities;
}

/** A case for stores that can do this. Where they cannot, it is reported as skipped, and why. */
export function needing(capability: keyof StoreCapabilities, { can }: Opened) {
  return (name: string, test: () => Promise<void>): void => {
    const run = can[capability] ? it : it.skip;
    run(can[capability] ? name : `${name} (this store has no ${capability})`, test);
  };
}

/** A case for stores that cannot do this. */
export function lacking(capability: keyof StoreCapabilities, { can }: Opened) {
  return (name: string, test: () => Promise<void>): void => {
    if (!can[capability]) it(name, test);
  };
}

/** How the suites about the life of a stream make one, and look at it. */
export function streamsOf(stores: Opened): {
  /** A stream of five events, which say their numbers. */
  ofFive(): Promise<StreamName>;
  /** The positions that another handle reads. */
  shown(stream: StreamName): Promise<number[]>;
  load(stream: StreamName): Promise<LoadedStream>;
} {
  return {
    async ofFive() {
      const stream = freshStream();
      await stores.a.append(to(stream, 'no-stream', ...[0, 1, 2, 3, 4].map((n) => event('N', { n }))));
      return stream;
    },
    async shown(stream) {
      return (await all(stores.b.readStream(stream))).map((recorded) => Number(recorded.streamPosition));
    },
    load(stream) {
      return stores.a.transaction(async () => (await stores.a.lockAndLoad([stream])).get(stream)!);
    },
  };
}
