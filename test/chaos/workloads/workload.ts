// What the chaos test needs to know of a way to run transactions: in one store each, one-store.ts; across stores, two-phase.ts.
import type { Database } from '@concord/database';
import type { Step } from '../checker/history.js';
import type { Order } from '../orders.js';

/** What a transaction found: its steps with what was read, or the balances of an audit. */
export type Value = readonly Step[] | Readonly<Record<string, number>>;

/** `repeated`: it had been applied before, and what it read then is not known. */
export type Answer = { readonly outcome: 'done'; readonly value: Value | undefined } | { readonly outcome: 'repeated' };

/** Runs orders in a process. */
export interface Transactor {
  /** Errors: those of the order itself (InvariantBroken, Refused), after which nothing was changed; and all others. */
  run(order: Order): Promise<Answer>;
  /** The next order that comes to that point takes the process with it. */
  dieAt(point: string): void;
  close(): Promise<void>;
}

export interface TransactorOptions {
  /** Of the stores; in a worker they lead through its own lines. */
  readonly urls: readonly string[];
  /** One of the workload's, to see whether the checker notices. */
  readonly weakening?: string | undefined;
  /** Whether commands on one stream may run in mailboxes; true by default. False: all run under the lock service. */
  readonly mailboxes?: boolean;
}

export interface Workload {
  /** Whether a transaction may reach over several stores. */
  readonly isDistributed: boolean;
  /** What may be taken from its guarantees. */
  readonly weakenings: readonly string[];
  /** Where a worker can be killed. */
  readonly points: readonly string[];
  open(options: TransactorOptions): Promise<Transactor>;
  /** What is locked, open, undecided or contradictory in the stores: nothing, when all is at rest. */
  leftovers(databases: readonly Database[]): Promise<string[]>;
}
