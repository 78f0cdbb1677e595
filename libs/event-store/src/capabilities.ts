// What a kind of store can do beyond what all of them can. Nobody is surprised: what is false here throws, or is said.

/** What a store can do. Where something is false, what needs it throws NotSupportedByStore or is as described. */
export interface StoreCapabilities {
  /** append() to several streams at once, all or nothing. */
  readonly multiStreamAppend: boolean;
  /**
   * What is written to the Database within transaction() commits with the events, so projections can be inline, and what a
   * consumer's handler appends commits with its work. Without: it is recorded at once, also when the work rolls back.
   */
  readonly sameTransactionAsReadModels: boolean;
  /** findEvents() without naming streams. */
  readonly findEventsById: boolean;
  /** An event id that another event has is refused. Without: within transaction() only, for the streams it has loaded. */
  readonly uniqueEventIds: boolean;
  /**
   * append() answers its events as they were recorded, and none for a repeat, and a repeat may expect anything. Without,
   * outside transaction(): a repeat expects what the first one did and is answered like it, and `recordedAt` is of this
   * process's clock.
   */
  readonly recordedAnswers: boolean;
  /** lockAndLoad() holds against plain append() too. Without: a plain append makes the transaction fail instead. */
  readonly locksHoldAgainstAppend: boolean;
  /** lockAndLoad() tells where a stream ends of which nothing is shown. Without: nowhere, as if it were new. */
  readonly knowsHiddenEnds: boolean;
  /** Metadata, deletion and tombstones within transaction(). */
  readonly streamLifeInTransaction: boolean;
  /** saveSnapshot() keeps what it is given. Without: nothing is kept, and aggregates are loaded from all their events. */
  readonly snapshots: boolean;
  /** scavenge(). */
  readonly scavenging: boolean;
}

/** A store that can do all of it. */
export const ALL_CAPABILITIES: StoreCapabilities = {
  multiStreamAppend: true,
  sameTransactionAsReadModels: true,
  findEventsById: true,
  uniqueEventIds: true,
  recordedAnswers: true,
  locksHoldAgainstAppend: true,
  knowsHiddenEnds: true,
  streamLifeInTransaction: true,
  snapshots: true,
  scavenging: true,
};
