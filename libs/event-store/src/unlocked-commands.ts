// What a store needs so that commands can run without a transaction of their own: their one append is the transaction.
import type { StreamName, StreamPosition } from '@concord/kernel';
import type { AppendRequest, AppendResult, LoadedStream } from './requests.js';

/** Runs commands that touch one stream without holding a connection or a lock while they decide. */
export interface UnlockedCommands {
  /**
   * How many commands have to be under way until it is quicker to load without a lock: alone, a transaction that locks and
   * loads in one round trip is. What is in memory needs no load, and is not asked for this.
   */
  readonly worthFrom: number;

  /**
   * What an aggregate needs of its stream, as committed now, without a lock: an append checks the expected version. From a
   * snapshot of that version when there is one.
   */
  load(stream: StreamName, snapshotVersion?: number): Promise<LoadedStream>;

  /**
   * Refuses beforehand what append() would refuse whatever is stored, so that it spoils no append that it would travel in.
   * Answers how long its events' data are, in characters of JSON; a promise only where a key is not at hand. Errors:
   * InvalidArgument, and those of the seal.
   */
  check(request: AppendRequest): number | Promise<number>;

  /**
   * As EventStore.append, for what was decided earlier on the whole stream: fails with WrongExpectedVersion, too, when the
   * stream has metadata or was deleted. Never part of a transaction.
   */
  append(request: AppendRequest & { readonly expected: StreamPosition | 'no-stream' }): Promise<AppendResult>;

  /** Where a stream ends (-1n: nowhere); undefined when it has metadata or was deleted. */
  wholeEnd(stream: StreamName): Promise<StreamPosition | undefined>;

  /**
   * Runs `work` without a transaction. Errors: TransactionNeeded when it used the database or the store, of which nothing
   * was done; it is thrown at the end, whatever came of `work`.
   */
  tentatively<T>(work: () => Promise<T>): Promise<T>;
}
