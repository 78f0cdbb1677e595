// The seam where a command's transaction spans several stores and services. The coordination lib provides the real one.
import type { CommandOutcome } from './domain-command.js';

/**
 * Runs a handler as one transaction of several participants; `handle` may run again. `isNamed`: the id is the caller's, so that it
 * may have been applied before. Errors: CommandIdReused, besides those of the transaction.
 */
export type RunDistributed = <Value>(
  command: { readonly id: string; readonly fingerprint: string | undefined; readonly isNamed: boolean },
  handle: () => Promise<Value>,
) => Promise<CommandOutcome<Value>>;

/** Knows which handlers need more than the one store. */
export abstract class DistributedTransactions {
  /** How commands of this handler run; undefined: in the one store. */
  abstract commandOf(handler: object): RunDistributed | undefined;
}
