// One stream, live: what is there from a position on, then whatever comes, until the reader stops.
import type { EventStore } from '@concord/event-store';
import type { RecordedEvent, StreamName, StreamPosition } from '@concord/kernel';
import { currentTenant, runInTenant } from '@concord/tenancy';
import { Signal } from './signal.js';

const POLL_MS = 250;

/** Yields the events of a stream from `from` on, and goes on waiting for more. Ends when the iteration is left. */
export function followStream(
  store: EventStore,
  stream: StreamName,
  from: StreamPosition = 0n,
): AsyncGenerator<RecordedEvent, void> {
  const tenant = currentTenant();
  return follow(store, (next) => runInTenant(tenant, () => store.readStream(stream, { from: next })), from);
}

async function* follow(
  store: EventStore,
  read: (from: StreamPosition) => AsyncIterable<RecordedEvent>,
  from: StreamPosition,
): AsyncGenerator<RecordedEvent, void> {
  const appended = new Signal();
  const unsubscribe = store.onAppended(() => appended.raise());
  try {
    for (let next = from; ;) {
      const { seen } = appended;
      for await (const event of read(next)) {
        yield event;
        next = event.streamPosition + 1n;
      }
      await appended.wait(seen, POLL_MS);
    }
  } finally {
    unsubscribe();
  }
}
