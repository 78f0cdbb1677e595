// What the chaos test needs to know of a way to run transactions. That of one store is one-store.ts; commits across several
// stores are to be another.
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
}

export interface Workload {
  /** Whether a transaction may reach over several stores. */
  readonly isDistributed: boolean;
  /** What may be taken from its guarantees. */
  readonly weakenings: readonly string[];
  /** Where a worker can be killed. */
  readonly points: readonly string[];
  open(options: TransactorOptions): Promise<Transactor>;
  /** What is locked, open or undecided in a store: nothing, when all is at rest. */
  leftovers(database: Database): Promise<string[]>;
}
