// F2: the event store's port and its adapters.
export type { AppendSource } from './append-listeners.js';
export { ALL_CAPABILITIES, type StoreCapabilities } from './capabilities.js';
export { NotSupportedByStore, StoreRefused, StoreUnavailable } from './errors.js';
export { EventStore } from './event-store.js';
export { EventStoreModule } from './event-store.module.js';
export { FeedWatchModule } from './feed-watch.module.js';
export { JsonText } from './json-text.js';
export type { KurrentOptions } from './kurrent/kurrent-event-store.js';
export { openKurrentEventStore } from './kurrent/open.js';
export { MemoryEventStore } from './memory/memory-event-store.js';
export type { UnlockedCommands } from './unlocked-commands.js';
export { type FeedDiagnosis, type FeedHolder, FeedHorizon } from './postgres/feed-horizon.js';
export { FeedWatch } from './postgres/feed-watch.js';
export { PostgresEventStore } from './postgres/postgres-event-store.js';
export type { StoredEvent, StoredEventFilter } from './postgres/stored-event.js';
export { StoredEvents } from './postgres/stored-events.js';
export { ArchiveUnavailable } from './postgres/archive/file-archive.js';
export type { PostgresEventStoreOptions } from './postgres/postgres-event-store.js';
export type {
  AppendRequest,
  AppendResult,
  ArchiveOptions,
  ArchiveReport,
  ArchiveStep,
  FeedPage,
  LoadedStream,
  ReadFeedOptions,
  ReadStreamOptions,
  Snapshot,
  TenantHead,
} from './requests.js';
export { linkTo } from './links.js';
export { EventFromNewerCode } from './upcasts.js';
export type { StreamAcl, StreamMetadata, StreamMetadataRead } from './stream-metadata.js';
