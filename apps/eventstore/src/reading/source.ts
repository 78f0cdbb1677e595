// What can be read: a sequence of places in ascending order, of which pages are taken either way.
import type { StoredEvent } from '@concord/event-store';

/** An event of a source. In a stream of links `link` is what stands there, `event` what it points to. */
export interface Entry {
  readonly event: StoredEvent | undefined;
  readonly link?: StoredEvent;
}

/** Entries in reading order; `next` is where to go on; at the `end` there is no more at present. */
export interface Page {
  readonly entries: readonly Entry[];
  readonly next: bigint;
  readonly end: boolean;
  /** How many events were looked at, for sources that pass over some. */
  readonly lookedAt: number;
  /**
   * The place of the last event that was looked at, if there was one. Unlike places after it, which appends that were
   * rolled back had taken, it is never given again, and may be kept.
   */
  readonly through: bigint | undefined;
}

export interface Source {
  /** Whether it passes over many events for the few that it gives. */
  readonly sparse: boolean;
  /** The place after the last entry at present. */
  end(): Promise<bigint>;
  /** Up to `limit` entries, or fewer before the end when most were passed over. Backwards `from` is included too. */
  page(from: bigint, limit: number, backwards: boolean): Promise<Page>;
  /** Whether the stream is there at all; the feed always is. */
  exists(): Promise<boolean>;
}

export const MAX_PLACE = 2n ** 63n - 1n;
