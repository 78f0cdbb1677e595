// What a store is asked, and what it answers.
import type {
  DomainEvent,
  ExpectedVersion,
  GlobalPosition,
  NewEvent,
  RecordedEvent,
  StreamName,
  StreamPosition,
} from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';

/** Events to append to one stream. */
export interface AppendRequest {
  readonly stream: StreamName;
  readonly expected: ExpectedVersion;
  readonly events: readonly NewEvent[];
}

/** Where an append ended, and what it added. */
export interface AppendResult {
  readonly stream: StreamName;
  readonly revision: StreamPosition;
  readonly globalPosition: GlobalPosition;
  /** As they were recorded. Empty for a repeat: the very same events were there already, and nothing was added. */
  readonly events: readonly RecordedEvent[];
}

/** What an aggregate is made from: the events that its stream still shows, and where the stream ends (-1n: nowhere). */
export interface LoadedStream {
  /** Those after the snapshot, when there is one. */
  readonly events: readonly DomainEvent[];
  readonly revision: StreamPosition;
  /** Where a replay of the whole stream begins: what retention has taken is before it. */
  readonly first: StreamPosition;
  /** It has metadata or was deleted: what it shows may change without an event of its own. */
  readonly hasSettings?: boolean;
  readonly snapshot?: LoadedSnapshot;
  /** Whether any of the events has personal fields: no snapshot is taken of them. */
  readonly holdsPersonal?: boolean;
}

/** A state that was stored, and the position of the last event in it. */
export interface LoadedSnapshot {
  readonly state: unknown;
  readonly revision: StreamPosition;
}

/** A state to store. `version` is that of the code that made it, `first` the position where its replay began. */
export interface Snapshot extends LoadedSnapshot {
  readonly version: number;
  readonly first: StreamPosition;
}

/** How to read a stream. Without `from`: from its start, or backwards from its end. */
export interface ReadStreamOptions {
  readonly from?: StreamPosition;
  readonly direction?: 'forwards' | 'backwards';
  readonly limit?: number;
  /** Give the events that links stand for, with `link` set; a link whose event is gone is given as it is. */
  readonly resolveLinks?: boolean;
}

/**
 * Which part of the feed to read: settled events after a position and before another, of these categories and types and
 * of streams whose names begin so (all when absent; what is given holds together).
 */
export interface ReadFeedOptions {
  readonly after?: GlobalPosition;
  readonly before?: GlobalPosition;
  /** Backwards: the newest settled event first. */
  readonly direction?: 'forwards' | 'backwards';
  readonly limit?: number;
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
  /** A prefix with a dash names its category, which makes it cheap: only that category is read. */
  readonly streamPrefixes?: readonly string[];
  /** As for streams. Categories and types are those of the links. */
  readonly resolveLinks?: boolean;
}

/**
 * A page of the feed. `through`: how far the feed was read, matching events or not; the next `after`, or the next `before`
 * when reading backwards. A page without events is the last one there is now.
 */
export interface FeedPage {
  readonly events: readonly RecordedEvent[];
  readonly through: GlobalPosition;
  /**
   * As `through`, with the gaps above the last event: positions given to appends that were rolled back. To compare with
   * lastPosition(), never to keep: after a crash of the server such positions may be given again.
   */
  readonly settled?: GlobalPosition;
}

/**
 * What to move to cold storage: what streams show no more, everything older than a time, or everything up to a position.
 * Never the last event of a stream.
 */
export type ArchiveOptions = (
  { readonly hidden: true } | { readonly before: Date } | { readonly upTo: GlobalPosition }
) & {
  /** 10,000 by default: a file is read as a whole. */
  readonly eventsPerFile?: number;
  /** Called after each step, and awaited. */
  readonly onStep?: (step: ArchiveStep) => void | Promise<void>;
};

/** The steps that each file takes, in order; the last three in one transaction, which `committed` ends. */
export type ArchiveStep = 'written' | 'named' | 'recorded' | 'deleted' | 'committed';

/** What was moved. */
export interface ArchiveReport {
  readonly events: number;
  readonly files: number;
}

/** A tenant, and the settled position of its last event. */
export interface TenantHead {
  readonly tenantId: TenantId;
  readonly head: GlobalPosition;
}
