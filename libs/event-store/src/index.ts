// F2: the event store's port and its adapters.
export type { AppendSource } from './append-listeners.js';
export { EventStore } from './event-store.js';
export { EventStoreModule } from './event-store.module.js';
export { FeedWatchModule } from './feed-watch.module.js';
export { MemoryEventStore } from './memory/memory-event-store.js';
export type { UnlockedCommands } from './unlocked-commands.js';
export { type FeedDiagnosis, type FeedHolder, FeedHorizon, type FeedLag } from './postgres/feed-horizon.js';
export { type FeedReading, type FeedState, type FeedThresholds, FeedWatch } from './postgres/feed-watch.js';
export { PostgresEventStore } from './postgres/postgres-event-store.js';
export { ArchiveUnavailable } from './postgres/archive/file-archive.js';
export type { PostgresEventStoreOptions } from './postgres/postgres-event-store.js';
export type {
  AppendRequest,
  AppendResult,
  ArchiveOptions,
  ArchiveReport,
  ArchiveStep,
  FeedPage,
  LoadedSnapshot,
  LoadedStream,
  ReadFeedOptions,
  ReadStreamOptions,
  Snapshot,
  TenantHead,
} from './requests.js';
export { linkTo } from './links.js';
export { EventFromNewerCode } from './upcasts.js';
export type { StreamAcl, StreamMetadata, StreamMetadataRead } from './stream-metadata.js';
