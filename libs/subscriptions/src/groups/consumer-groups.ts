// The port of consumer groups: competing consumers over many processes that keep the order of each stream. The adapter,
// postgres-consumer-groups.ts, takes the events from any store.
import {
  ConcordError,
  type GlobalPosition,
  type RecordedEvent,
  type StreamName,
  type StreamPosition,
} from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { Delivery } from '../delivery.js';
import type { Signal } from '../signal.js';

/** What a handler is told about a delivery. */
export interface GroupContext {
  readonly group: string;
  readonly memberId: string;
  readonly slice: number;
  /** Grows with every change of the slice's owner: show it to systems that can refuse a late one. */
  readonly fencingToken: bigint;
  /** 1 at first; attempts whose work was rolled back for no fault of the handler's are not counted. */
  readonly attempt: number;
  /** Aborted when the slice may have another owner: end, whatever you do outside of the database. */
  readonly signal: AbortSignal;
}

/** Handles one event. Success acknowledges it; an error is tried again, and parked in the end. */
export type HandleEvent = (event: RecordedEvent, context: GroupContext) => Promise<void>;

/** Handles several events of one tenant and slice in one transaction: `batchSize` at most. */
export interface HandleBatch {
  /**
   * Runs first in each such transaction, and once in each slice of a tenant that has no event for it. Errors: NotYet, when the
   * tenant is to be left alone for the moment.
   */
  begin(): Promise<void>;
  /** An error has half of the events tried, and half of those, until the one that fails is alone: its own error counts. */
  handleAll(events: readonly RecordedEvent[], context: GroupContext): Promise<void>;
}

/** Thrown by HandleBatch.begin(): nothing is wrong, and the tenant is tried again soon. */
export class NotYet extends ConcordError {
  readonly code = 'not-yet';
}

/** What a group consumes, and how. All members of a group say the same. */
export interface ConsumerGroupOptions {
  readonly name: string;
  readonly categories?: readonly string[];
  readonly types?: readonly string[];
  /** Where effects are, and so how often they happen. */
  readonly delivery: Delivery;
  /** How many parts the streams are dealt into: the most members that work at a time. Fixed when the group is made; 16. */
  readonly slices?: number;
  /** Where a group begins when it is made: after this position, or with what is appended from `now` on. 0n by default. */
  readonly from?: GlobalPosition | 'now';
  /** Attempts before an event is parked; 5 by default. */
  readonly maxAttempts?: number;
  /** Between attempts: doubled each time, with jitter; 200 ms up to 30 s by default. */
  readonly retry?: { readonly firstMs: number; readonly mostMs: number };
  /** The stream of a parked event: `block` waits until it is replayed or discarded, `skip` goes on. `block` by default. */
  readonly whenParked?: 'block' | 'skip';
  /** `park`, the default: after `maxAttempts`. `stop`: the tenant stops in that slice, is tried again later and later, never parked. */
  readonly onFailure?: 'park' | 'stop';
  /** Events read at a time, for all slices of a member together; 256 by default. */
  readonly pageSize?: number;
  /** Saves positions within a moment also where a slice found nothing to do: other processes can wait for them. */
  readonly savesIdle?: boolean;
  /** A member that is silent for so long loses its slices; 10 s by default. */
  readonly leaseMs?: number;
  /** Slices that this process works on at the same time; 4 by default. */
  readonly concurrency?: number;
  /** Events of a slice in one transaction at most, where delivery allows it; 32 by default. */
  readonly batchSize?: number;
  /** Names this member to people; host and process id by default. */
  readonly label?: string;
}

/** Something that did not go as it should; what becomes of it is the `outcome`. */
export interface GroupFailure {
  readonly group: string;
  readonly memberId: string;
  readonly slice?: number;
  /** Whose events have failed together, while the one is looked for that is to blame. */
  readonly tenantId?: TenantId;
  readonly event?: RecordedEvent;
  readonly error: unknown;
  /**
   * `retrying`, `parked`: the handler failed. `refused`: the slice had another owner. `interrupted`: store or database;
   * uncounted, unless it meets the same event again and again while both are well.
   */
  readonly outcome: 'retrying' | 'parked' | 'refused' | 'interrupted';
}

/** What does not move on at present in a member's slices. */
export interface HeldUp {
  readonly slice: number;
  readonly tenantId: TenantId;
  /** Undefined: all that the tenant has in this slice. */
  readonly stream: StreamName | undefined;
  readonly error: unknown;
  readonly attempts: number;
  /** Undefined: it waits for an operator. */
  readonly retryAt: Date | undefined;
}

/** A process's part in a group. */
export interface GroupMembership {
  readonly memberId: string;
  /** The slices that this member works on at present. */
  readonly slices: readonly number[];
  /** Raised when a position has moved here. */
  readonly advanced: Signal;
  readonly heldUp: readonly HeldUp[];
  /** How far a tenant is at least, when this member works on all slices and nothing of it is held up; else undefined. */
  positionOf(tenantId: TenantId): GlobalPosition | undefined;
  /** Ends each slice after the event in hand and gives it back. */
  leave(): Promise<void>;
}

/** An event set aside after its last attempt. */
export interface ParkedEvent {
  readonly group: string;
  readonly tenantId: TenantId;
  readonly eventId: string;
  readonly slice: number;
  readonly stream: StreamName;
  readonly streamPosition: StreamPosition;
  readonly globalPosition: GlobalPosition;
  readonly type: string;
  readonly reason: string;
  readonly attempts: number;
  readonly parkedAt: Date;
  readonly replayAskedAt: Date | null;
}

/** A slice, as metrics and operators see it. */
export interface SliceState {
  readonly slice: number;
  /** Null: nobody works on it. */
  readonly memberId: string | null;
  readonly fencingToken: bigint;
  readonly ownedSince: Date | null;
  /** Global positions that its slowest tenant is behind, as its owner last told; null when it has no owner. */
  readonly lag: bigint | null;
  readonly waitingStreams: number;
  readonly parked: number;
}

/** A group, as metrics and operators see it. */
export interface GroupState {
  readonly name: string;
  readonly startsAfter: GlobalPosition;
  readonly members: readonly { readonly memberId: string; readonly label: string; readonly joinedAt: Date }[];
  readonly slices: readonly SliceState[];
  readonly parked: readonly { readonly tenantId: TenantId; readonly events: number }[];
}

/** Consumer groups of a store. Also the token under which they are injected. */
export abstract class ConsumerGroups {
  /** What this adapter can promise; join() refuses anything else. */
  abstract readonly deliveries: readonly Delivery[];

  /** Takes part in a group, over all tenants, until it is left. Errors: InvalidArgument. */
  abstract join(
    options: ConsumerGroupOptions,
    handle: HandleEvent | HandleBatch,
    onFailure?: (failure: GroupFailure) => void,
  ): Promise<GroupMembership>;

  /** Members, slices, lags and parked events of a group, of all tenants. Errors: InvalidArgument for an unknown name. */
  abstract describe(group: string): Promise<GroupState>;

  /** The running tenant's parked events, in the order of the feed, after a position. */
  abstract parked(group: string, page?: { after?: GlobalPosition; limit?: number }): Promise<ParkedEvent[]>;

  /** Has parked events of the running tenant handled once more, by the slice's owner; answers how many are there. */
  abstract replay(group: string, eventIds: readonly string[]): Promise<number>;

  /** Removes parked events of the running tenant for good; answers how many were there. Their streams go on. */
  abstract discard(group: string, eventIds: readonly string[]): Promise<number>;
}
