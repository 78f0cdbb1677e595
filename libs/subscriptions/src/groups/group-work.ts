// What all slices of a member share: the group's settings, the store, the database, the handler.
import type { Database } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import type { GlobalPosition } from '@concord/kernel';
import type { Signal } from '../signal.js';
import type { ConsumerGroupOptions, GroupFailure, HandleBatch, HandleEvent } from './consumer-groups.js';
import type { FeedPages } from './feed-pages.js';
import type { Limiter } from './limiter.js';

/** The options with their defaults. */
export type GroupSettings = ConsumerGroupOptions &
  Required<Omit<ConsumerGroupOptions, 'categories' | 'types' | 'slices' | 'from'>>;

export interface GroupWork {
  readonly settings: GroupSettings;
  readonly memberId: string;
  readonly startsAfter: GlobalPosition;
  readonly store: EventStore;
  readonly database: Database;
  readonly pages: FeedPages;
  readonly limiter: Limiter;
  readonly handle: HandleEvent | HandleBatch;
  /** Raised when a position has moved. */
  readonly advanced: Signal;
  readonly slices: number;
  report(failure: Omit<GroupFailure, 'group' | 'memberId'>): void;
}

/** A slice in the hands of this member: what the fence is asked with. */
export interface OwnedSlice {
  readonly slice: number;
  readonly fencingToken: bigint;
}
