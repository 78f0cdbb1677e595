// The log of a participant whose locks are in PostgreSQL: what it has voted yes to, with its locks, in the tables of
// migrations/0015_two_phase_commit.sql. What is appended at the commit, and where, is the participant's matter.
import { type Database, loadSql, TransactionSettled } from '@concord/database';
import type { AppendRequest } from '@concord/event-store';
import type { LockOwner, LockService } from '@concord/locking';
import type { TenantId } from '@concord/tenancy';
import { OutcomeContradicted } from './errors.js';
import { inOrder } from './in-order.js';
import type { ParticipantState, PreparedTransaction, TransactionRef } from './participant.js';
import type { StoreWork } from './store-session.js';
import { requestsOf, textOfRequests } from './stored-requests.js';

/** What was prepared. */
export interface Prepared {
  readonly tenant: TenantId;
  readonly lockOwner: string;
  readonly requests: readonly AppendRequest[];
  readonly appended?: StoreWork['appended'];
}

interface PreparedRow {
  readonly tenant: TenantId;
  readonly state: Exclude<ParticipantState, 'unknown'>;
  readonly lock_owner: string;
  readonly appends: Parameters<typeof requestsOf>[0] | null;
}

const sql = {
  guard: loadSql(import.meta.url, 'sql/start-guarding.sql'),
  prepare: loadSql(import.meta.url, 'sql/prepare-transaction.sql'),
  settle: loadSql(import.meta.url, 'sql/settle-prepared.sql'),
  bury: loadSql(import.meta.url, 'sql/bury-transaction.sql'),
  find: loadSql(import.meta.url, 'sql/find-prepared.sql'),
  inDoubt: loadSql(import.meta.url, 'sql/prepared-in-doubt.sql'),
  forget: loadSql(import.meta.url, 'sql/forget-settled.sql'),
};

export class PrepareLog {
  /** Of this process; the truth is in the database. */
  private readonly known = new Map<string, Prepared>();
  private guarding: Promise<unknown> | undefined;

  constructor(
    private readonly database: Database,
    private readonly locks: LockService,
    private readonly participant: string,
  ) {}

  /**
   * Makes a yes durable: locks and requests, or nothing. `elsewhere`: another store checks the versions. Errors:
   * TransactionSettled, OwnershipLost, WrongExpectedVersion and what else stands against the append.
   */
  async prepare(
    transaction: TransactionRef,
    owner: LockOwner,
    { requests, appended, elsewhere }: Omit<StoreWork, 'owner'> & { readonly elsewhere: boolean },
  ): Promise<void> {
    await this.guarded();
    const { id, tenant, coordinator } = transaction;
    const values = [this.participant, id, tenant, coordinator, owner.id, textOfRequests(requests), elsewhere];
    await this.database.transaction(() =>
      // Sent together, and in this order.
      inOrder([this.locks.prepare(owner), this.database.query(sql.prepare, values)]),
    );
    this.known.set(id, { tenant, lockOwner: owner.id, requests, ...(appended && { appended }) });
  }

  /** Before the first yes: from then on nobody appends to what is prepared, in any process. */
  private async guarded(): Promise<void> {
    this.guarding ??= this.database.queryOutside(sql.guard);
    try {
      await this.guarding;
    } catch (error) {
      this.guarding = undefined;
      throw error;
    }
  }

  /** What is prepared, if it is still; else its state. Errors: OutcomeContradicted, where it is not to be committed. */
  async toCommit(id: string): Promise<Prepared | undefined> {
    const known = this.known.get(id);
    if (known) return known;
    const row = await this.find(id);
    if (row?.state === 'committed') return undefined;
    if (row?.state !== 'prepared') throw this.contradicted(id, row?.state ?? 'unknown', 'committed');
    return { tenant: row.tenant, lockOwner: row.lock_owner, requests: requestsOf(row.appends ?? []) };
  }

  /** In one transaction: it is settled, its locks are free, and `append` is done. A repeat changes nothing. */
  async commit(id: string, { lockOwner }: Prepared, append?: () => Promise<unknown>): Promise<void> {
    try {
      await this.database.transaction(() =>
        // In this order: the guard of prepared streams lets nothing pass before their locks are released.
        inOrder([
          this.database.query(sql.settle, [this.participant, id, 'committed']),
          this.locks.releasePrepared(lockOwner),
          append?.() ?? Promise.resolve(),
        ]),
      );
    } catch (error) {
      if (!(error instanceof TransactionSettled)) throw error;
      if (error.state !== 'committed') throw this.contradicted(id, error.state, 'committed');
    }
    this.known.delete(id);
  }

  /** Drops what was prepared, and leaves a tombstone. Errors: OutcomeContradicted. */
  async abort({ id, tenant, coordinator }: Pick<TransactionRef, 'id' | 'tenant' | 'coordinator'>): Promise<void> {
    this.known.delete(id);
    await this.database.transaction(async () => {
      const values = [this.participant, id, tenant, coordinator];
      const [buried] = await this.database.query<{ state: ParticipantState }>(sql.bury, values);
      if (buried?.state === 'committed') throw this.contradicted(id, 'committed', 'aborted');
      if (buried?.state !== 'prepared') return;
      const [row] = await this.database.query<PreparedRow>(sql.find, [this.participant, id]);
      await this.database.query(sql.settle, [this.participant, id, 'aborted']);
      if (row) await this.locks.releasePrepared(row.lock_owner);
    });
  }

  async status(id: string): Promise<ParticipantState> {
    return (await this.find(id))?.state ?? 'unknown';
  }

  inDoubt(olderThanMs: number): Promise<PreparedTransaction[]> {
    return this.database.queryOutside<PreparedTransaction>(sql.inDoubt, [this.participant, olderThanMs]);
  }

  /** Of all participants of this database: those settled so long ago are not told from those never heard of any more. */
  async forgetSettled(olderThanMs: number): Promise<void> {
    await this.database.queryOutside(sql.forget, [olderThanMs]);
  }

  private async find(id: string): Promise<PreparedRow | undefined> {
    const [row] = await this.database.queryOutside<PreparedRow>(sql.find, [this.participant, id]);
    return row;
  }

  private contradicted(id: string, found: string, told: 'committed' | 'aborted'): OutcomeContradicted {
    return new OutcomeContradicted(id, this.participant, found, told);
  }
}
