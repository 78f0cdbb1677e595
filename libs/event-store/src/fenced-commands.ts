// What a store needs so that commands can decide under the locks of the lock service, without a transaction: that what they
// decided on is still so is checked when they commit.
import type { StreamName, StreamPosition } from '@concord/kernel';
import type { AppendRequest, AppendResult } from './requests.js';

/** A lock that a command holds, by its fencing token, on a stream that ended there (-1n: nowhere) when it was read. */
export interface FencedPlace {
  readonly stream: StreamName;
  readonly owner: string;
  readonly fencingToken: bigint;
  readonly end: StreamPosition;
}

/** Commits what was decided outside the transaction that appends it. */
export interface FencedCommands {
  /**
   * In the running transaction, which it refuses unless each of these streams ends there (-1n: nowhere), has no metadata and
   * was not deleted; nobody appends to them before it has ended. Sent at once, and need not be awaited. Errors:
   * WrongExpectedVersion, StreamDeleted.
   */
  assertEnds(ends: ReadonlyMap<StreamName, StreamPosition>): Promise<void>;

  /**
   * As EventStore.append in the running transaction, for what was decided on whole streams: fails with
   * WrongExpectedVersion, too, when one has metadata or was deleted.
   */
  append(requests: readonly AppendRequest[]): Promise<AppendResult[]>;

  /**
   * As append(), outside a transaction and together with others that commit at the same time, if all of these locks are held
   * still, nobody has them in hand at the moment, and all of their streams are where they were. Else nothing is done, and
   * undefined is the answer: append in a transaction then, which tells why. `places` has all that is appended to. Errors:
   * those of EventStore.append.
   */
  commit(requests: readonly AppendRequest[], places: readonly FencedPlace[]): Promise<AppendResult[] | undefined>;
}
