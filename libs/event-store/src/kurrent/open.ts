// Loads the adapter for KurrentDB only where it is used: the client brings gRPC and protobuf along.
import type { EventStore } from '../event-store.js';
import type { KurrentOptions } from './kurrent-event-store.js';

/**
 * The event store on the KurrentDB or EventStoreDB of a connection string, `esdb://..`. Nothing is connected yet. Close it
 * when you are done. Errors: InvalidArgument for a connection string that is none.
 */
export async function openKurrentEventStore(url: string, options: KurrentOptions = {}): Promise<EventStore> {
  const { KurrentEventStore } = await import('./kurrent-event-store.js');
  return new KurrentEventStore(url, options);
}
