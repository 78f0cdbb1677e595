// One stream, live: what is there from a position on, then whatever comes, until the reader stops.
import type { EventStore } from '@concord/event-store';
import type { RecordedEvent, StreamName, StreamPosition } from '@concord/kernel';
import { currentTenant, runInTenant } from '@concord/tenancy';
import { Lookout } from './lookout.js';

/** A follower hears of every append, most of them to other streams: what comes in this time is one read. */
const PACE_MS = 20;

/**
 * Yields the events of a stream from `from` on, and goes on waiting for more. Ends when the iteration is left, or when
 * `stop` is aborted: who leaves while nothing comes (return() waits for the next event) needs the latter.
 */
export function followStream(
  store: EventStore,
  stream: StreamName,
  from: StreamPosition = 0n,
  stop?: AbortSignal,
): AsyncGenerator<RecordedEvent, void> {
  const tenant = currentTenant();
  const read = (next: StreamPosition): AsyncIterable<RecordedEvent> =>
    runInTenant(tenant, () => store.readStream(stream, { from: next }));
  return follow(store, read, from, stop);
}

async function* follow(
  store: EventStore,
  read: (from: StreamPosition) => AsyncIterable<RecordedEvent>,
  from: StreamPosition,
  stop: AbortSignal | undefined,
): AsyncGenerator<RecordedEvent, void> {
  const lookout = new Lookout(store, { paceMs: PACE_MS });
  const close = (): void => lookout.close();
  stop?.addEventListener('abort', close);
  try {
    let next = from;
    while (!stop?.aborted) {
      const { seen } = lookout;
      next = yield* until(stop, read(next), next);
      await lookout.rest(seen);
    }
  } finally {
    close();
    stop?.removeEventListener('abort', close);
  }
}

/** Passes events on until they end or `stop` is aborted; returns the position after the last one. */
async function* until(
  stop: AbortSignal | undefined,
  events: AsyncIterable<RecordedEvent>,
  next: StreamPosition,
): AsyncGenerator<RecordedEvent, StreamPosition> {
  let after = next;
  for await (const event of events) {
    if (stop?.aborted) break;
    yield event;
    after = event.streamPosition + 1n;
  }
  return after;
}
