// The seam where a command's transaction spans several stores and services. The coordination lib provides the real one.
import type { CommandOutcome } from './domain-command.js';

/** Runs a handler as one transaction of several participants; `handle` may run again. */
export type RunDistributed = <Value>(commandId: string, handle: () => Promise<Value>) => Promise<CommandOutcome<Value>>;

/** Knows which handlers need more than the one store. */
export abstract class DistributedTransactions {
  /** How commands of this handler run; undefined: in the one store. */
  abstract commandOf(handler: object): RunDistributed | undefined;
}
