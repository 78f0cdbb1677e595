// What a store needs so that commands can run without a transaction of their own: their one append is the transaction.
import type { StreamName } from '@concord/kernel';
import type { LoadedStream } from './requests.js';

/** Runs commands that touch one stream without holding a connection or a lock while they decide. */
export interface UnlockedCommands {
  /** What aggregates need of streams, as committed now, without a lock: an append checks the expected version. */
  load(stream: StreamName): Promise<LoadedStream>;

  /**
   * Runs `work` without a transaction. Errors: TransactionNeeded when it used the database, of which nothing was done;
   * it is thrown at the end, whatever came of `work`.
   */
  tentatively<T>(work: () => Promise<T>): Promise<T>;
}
