// A state worked out from events when it is asked for: of a stream or a category, now, or as of a position or a time. Nothing
// is stored; for what is asked often there are projections.
import type { EventStore } from '@concord/event-store';
import {
  type DomainEvent,
  type GlobalPosition,
  InvalidArgument,
  type RecordedEvent,
  type StreamName,
} from '@concord/kernel';

/** How each type of event changes the state; events of other types are passed over. */
export type FoldHandlers<State, Event extends DomainEvent> = {
  readonly [Type in Event['type']]?: (state: State, event: RecordedEvent<Extract<Event, { type: Type }>>) => State;
};

/** Which events: of one stream or of one category, and up to when. */
export type FoldFrom = ({ readonly stream: StreamName } | { readonly category: string }) & {
  /** The last position that counts, or the latest time of recording; everything there is now when absent. */
  readonly asOf?: GlobalPosition | Date;
};

/** A state, and what it holds. */
export interface Folded<State> {
  readonly state: State;
  /** How many events have changed it. */
  readonly events: number;
  /** Of the last of them; undefined when there was none. */
  readonly last: GlobalPosition | undefined;
}

const PAGE = 1000;

/**
 * Folds events of the running tenant, in the order of the stream or the feed, a page in memory at a time. A category ends at what is
 * settled; a stream is read as its readers see it, the running transaction's own appends included. Errors: InvalidArgument; a
 * handler's.
 */
export async function fold<State, Event extends DomainEvent>(
  store: EventStore,
  from: FoldFrom,
  initial: State,
  handlers: FoldHandlers<State, Event>,
): Promise<Folded<State>> {
  const known = new Map(Object.entries(handlers)) as Map<string, (state: State, event: RecordedEvent) => State>;
  if (known.size === 0)
    throw new InvalidArgument('a fold without handlers: give one for each type of event that counts');
  const counts = countsFor(from.asOf);
  let folded: Folded<State> = { state: initial, events: 0, last: undefined };
  for await (const event of eventsOf(store, from, [...known.keys()])) {
    const handle = known.get(event.type);
    if (!handle || !counts(event)) continue;
    folded = { state: handle(folded.state, event), events: folded.events + 1, last: event.globalPosition };
  }
  return folded;
}

/** Times of recording do not quite follow positions: each event is asked. */
function countsFor(asOf: FoldFrom['asOf']): (event: RecordedEvent) => boolean {
  if (asOf === undefined) return () => true;
  if (typeof asOf === 'bigint') return ({ globalPosition }) => globalPosition <= asOf;
  const time = asOf.getTime();
  if (Number.isNaN(time)) throw new InvalidArgument('asOf is no time: give a valid Date, or a position as a bigint');
  return ({ metadata }) => metadata.recordedAt.getTime() <= time;
}

async function* eventsOf(store: EventStore, from: FoldFrom, types: string[]): AsyncGenerator<RecordedEvent, void> {
  if ('stream' in from) {
    yield* store.readStream(from.stream);
    return;
  }
  const { category, asOf } = from;
  const before = typeof asOf === 'bigint' ? { before: asOf + 1n } : {};
  for (let after = 0n; ;) {
    const page = await store.readFeed({ after, ...before, categories: [category], types, limit: PAGE });
    if (page.events.length === 0) return;
    yield* page.events;
    after = page.through;
  }
}
