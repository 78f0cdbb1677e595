// F2: the event store's port and its adapters.
export {
  type AppendRequest,
  type AppendResult,
  EventStore,
  type FeedPage,
  type ReadFeedOptions,
  type ReadStreamOptions,
  type TenantHead,
} from './event-store.js';
export { EventStoreModule } from './event-store.module.js';
export { MemoryEventStore } from './memory/memory-event-store.js';
export { PostgresEventStore } from './postgres/postgres-event-store.js';
