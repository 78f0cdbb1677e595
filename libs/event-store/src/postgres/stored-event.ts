// Events as they are stored, and which of them are wanted.
import type { GlobalPosition, StreamPosition } from '@concord/kernel';

/** An event of the running code's tenant. `data` and `metadata` are JSON texts, `ticks` is the time since 1970 in 100 ns. */
export interface StoredEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly stream_name: string;
  readonly stream_position: StreamPosition;
  readonly global_position: GlobalPosition;
  readonly ticks: bigint;
  readonly data: string;
  readonly metadata: string;
}

/** What of the feed is wanted; everything that is given has to hold. Regular expressions are PostgreSQL's. */
export interface StoredEventFilter {
  /** Of streams named `category-...`. By index. */
  readonly category?: string;
  /** By no index: what is in between is looked at. */
  readonly type?: string;
  readonly streamPrefixes?: readonly string[];
  readonly typePrefixes?: readonly string[];
  readonly streamRegex?: string;
  readonly typeRegex?: string;
  /** The first event of each stream only. */
  readonly firsts?: boolean;
}

/** Which part of the feed: both ends included. */
export interface StoredRange {
  readonly from: GlobalPosition;
  readonly to: GlobalPosition;
  readonly limit: number;
}
