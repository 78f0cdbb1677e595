// The coordinator's log, in PostgreSQL: what is under way, what was decided, and who is still to be told. Everything that
// decides is one statement on one row, so that a coordinator and whoever takes over from it cannot decide differently.
import { type Database, loadSql } from '@concord/database';
import type { TenantId } from '@concord/tenancy';
import { Grouped } from './grouped.js';
import type { TransactionOutcome, TransactionRef } from './participant.js';

/** A decided transaction that somebody is still to be told of. */
export interface DueTransaction {
  readonly id: string;
  readonly tenant: TenantId;
  readonly coordinator: string;
  readonly state: Exclude<TransactionOutcome, 'preparing'>;
  readonly unacknowledged: readonly string[];
  readonly attempts: number;
}

/** A transaction in the log. */
export interface LoggedTransaction {
  readonly id: string;
  readonly tenant: TenantId;
  readonly coordinator: string;
  readonly state: TransactionOutcome;
  readonly participants: readonly string[];
  /** Who has not yet said that it knows the decision. */
  readonly unacknowledged: readonly string[];
  readonly beganAt: Date;
  readonly decidedAt: Date | null;
  readonly decidedBy: 'coordinator' | 'watchdog' | 'operator' | null;
  readonly reason: string | null;
  readonly attempts: number;
  readonly lastError: string | null;
}

interface Begun {
  readonly transaction: TransactionRef;
  readonly participants: readonly string[];
}

interface Decided {
  readonly id: string;
  readonly participants: readonly string[];
}

const sql = {
  begin: loadSql(import.meta.url, 'sql/begin-transactions.sql'),
  commit: loadSql(import.meta.url, 'sql/commit-transactions.sql'),
  abort: loadSql(import.meta.url, 'sql/abort-transaction.sql'),
  forceAbort: loadSql(import.meta.url, 'sql/force-abort.sql'),
  abortOverdue: loadSql(import.meta.url, 'sql/abort-overdue.sql'),
  claim: loadSql(import.meta.url, 'sql/claim-transactions.sql'),
  acknowledge: loadSql(import.meta.url, 'sql/acknowledge-transaction.sql'),
  forget: loadSql(import.meta.url, 'sql/forget-transactions.sql'),
  outcome: loadSql(import.meta.url, 'sql/transaction-outcome.sql'),
  list: loadSql(import.meta.url, 'sql/list-transactions.sql'),
};

export class DecisionLog {
  private readonly begins = new Grouped<Begun, void>(async (begun) => {
    await this.run(sql.begin, [
      begun.map(({ transaction }) => transaction.id),
      begun.map(({ transaction }) => transaction.coordinator),
      begun.map(({ transaction }) => transaction.tenant),
      JSON.stringify(begun.map(({ participants }) => participants)),
      begun.map(({ transaction }) => transaction.patienceMs),
    ]);
    return [];
  });
  private readonly commits = new Grouped<Decided, boolean>(async (items) => {
    const values = [items.map(({ id }) => id), JSON.stringify(items.map(({ participants }) => participants))];
    const decided = new Set((await this.run<{ id: string }>(sql.commit, values)).map(({ id }) => id));
    return items.map(({ id }) => decided.has(id));
  });
  private readonly forgets = new Grouped<string, void>(async (ids) => {
    await this.run(sql.forget, [ids]);
    return [];
  });

  constructor(private readonly database: Database) {}

  /** Before the first prepare is sent, so that who is asked for the outcome knows that there is none yet. */
  begin(transaction: TransactionRef, participants: readonly string[]): Promise<void> {
    return this.begins.ask({ transaction, participants });
  }

  /**
   * Decides, durably; these are to be told. False: it is not preparing any more, which somebody has aborted, or this caller
   * has decided before. Errors: DatabaseUnavailable, and then it is not known.
   */
  commit(id: string, participants: readonly string[]): Promise<boolean> {
    return this.commits.ask({ id, participants });
  }

  /** False: there was nothing to abort, or it is decided. */
  async abort(id: string, by: 'coordinator', reason: string): Promise<boolean> {
    return (await this.run(sql.abort, [id, by, reason])).length > 0;
  }

  /** An operator's: decided and recorded (ForcedResolutions) at once. False: there was nothing to abort, or it is decided. */
  async forceAbort(id: string, { by, reason }: { readonly by: string; readonly reason: string }): Promise<boolean> {
    return (await this.run(sql.forceAbort, [id, by, reason])).length > 0;
  }

  /** Aborts what has not been decided so long after its deadline. Answers how many those were. */
  async abortOverdue(graceMs: number): Promise<number> {
    return (await this.run(sql.abortOverdue, [graceMs])).length;
  }

  /** Takes up, for so long, what is due: of any coordinator that uses this log. */
  claim(most: number, leaseMs: number): Promise<DueTransaction[]> {
    return this.run<DueTransaction>(sql.claim, [most, leaseMs]);
  }

  /** These know it; the others are to be told again after so long. */
  async acknowledge(id: string, names: readonly string[], againAfterMs: number, error: string | null): Promise<void> {
    await this.run(sql.acknowledge, [id, names, againAfterMs, error]);
  }

  /** All know it. */
  forget(id: string): Promise<void> {
    return this.forgets.ask(id);
  }

  /** Of a transaction that is not there: `aborted`, which it was, or it is over and nobody can be in doubt. */
  async outcome(id: string): Promise<TransactionOutcome> {
    const [row] = await this.run<{ state: TransactionOutcome }>(sql.outcome, [id]);
    return row?.state ?? 'aborted';
  }

  /** The oldest first: of one coordinator, or one transaction, or all. */
  list(
    most: number,
    { coordinator = null, id = null }: { readonly coordinator?: string | null; readonly id?: string | null } = {},
  ): Promise<LoggedTransaction[]> {
    return this.run<LoggedTransaction>(sql.list, [coordinator, most, id]);
  }

  /** Never part of a transaction of the caller's: a decision that is rolled back is none. */
  private run<Row extends object>(statement: typeof sql.begin, values: readonly unknown[]): Promise<Row[]> {
    return this.database.queryOutside<Row>(statement, values);
  }
}
