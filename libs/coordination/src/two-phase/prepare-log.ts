// The log of a participant whose locks are in PostgreSQL: what it has voted yes to, with its locks, in the tables of
// migrations/0015_two_phase_commit.sql. What is appended at the commit, and where, is the participant's matter.
import { type Database, loadSql, TransactionSettled } from '@concord/database';
import type { AppendRequest } from '@concord/event-store';
import type { LockOwner, LockService } from '@concord/locking';
import { runInTenant, type TenantId } from '@concord/tenancy';
import { OutcomeContradicted } from './errors.js';
import { GroupedWork } from './grouped-work.js';
import { inOrder } from './in-order.js';
import type { ParticipantState, PreparedTransaction, TransactionRef } from './participant.js';
import { Remembered } from './remembered.js';
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
  readonly content: Buffer | null;
}

const sql = {
  guard: loadSql(import.meta.url, 'sql/start-guarding.sql'),
  prepare: loadSql(import.meta.url, 'sql/prepare-transaction.sql'),
  hold: loadSql(import.meta.url, 'sql/hold-prepared.sql'),
  settle: loadSql(import.meta.url, 'sql/settle-prepared.sql'),
  bury: loadSql(import.meta.url, 'sql/bury-transaction.sql'),
  find: loadSql(import.meta.url, 'sql/find-prepared.sql'),
  inDoubt: loadSql(import.meta.url, 'sql/prepared-in-doubt.sql'),
  forget: loadSql(import.meta.url, 'sql/forget-settled.sql'),
};

export class PrepareLog {
  /** Of this process; the truth is in the database. */
  private readonly remembered = new Remembered<Prepared>();
  private guarding: Promise<unknown> | undefined;
  private readonly prepares: GroupedWork;
  private readonly commits: GroupedWork;

  constructor(
    private readonly database: Database,
    private readonly locks: LockService,
    private readonly participant: string,
  ) {
    this.prepares = new GroupedWork(database);
    this.commits = new GroupedWork(database);
  }

  /**
   * Makes a yes durable: locks and requests, or nothing. `elsewhere`: another store checks the versions. Errors:
   * TransactionSettled, OwnershipLost, WrongExpectedVersion and what else stands against the append.
   */
  async prepare(
    transaction: TransactionRef,
    owner: LockOwner,
    { requests, appended, content, elsewhere }: Omit<StoreWork, 'owner'> & { readonly elsewhere: boolean },
  ): Promise<void> {
    await this.guarded();
    const { id, tenant, coordinator } = transaction;
    const text = textOfRequests(requests);
    const values = [this.participant, id, tenant, coordinator, owner.id, text, elsewhere, content ?? null];
    await this.prepares.run({
      id,
      // In this order: what is prepared is looked at under the locks.
      send: () => [this.locks.prepare(owner), this.database.query(sql.prepare, values)],
    });
    this.remembered.set(id, { tenant, lockOwner: owner.id, requests, ...(appended && { appended }) }, text.length);
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
    const known = this.remembered.get(id);
    if (known) return known;
    const row = await this.find(id);
    if (row?.state === 'committed') return undefined;
    if (row?.state !== 'prepared') throw this.contradicted(id, row?.state ?? 'unknown', 'committed');
    return { tenant: row.tenant, lockOwner: row.lock_owner, requests: requestsOf(row.appends ?? []) };
  }

  /**
   * In one transaction: it is settled, its locks are free, and `append` is done. A repeat changes nothing. `isAlone`: `append` is more
   * than a statement.
   */
  async commit(
    id: string,
    { tenant, lockOwner }: Prepared,
    { append, isAlone = false }: { readonly append?: () => Promise<unknown>; readonly isAlone?: boolean } = {},
  ): Promise<void> {
    const send = (): readonly Promise<unknown>[] => [
      ...this.settle(id, lockOwner),
      ...(append ? [runInTenant(tenant, append)] : []),
    ];
    await this.committed(
      id,
      isAlone ? this.database.transaction(() => inOrder(send())) : this.commits.run({ id, send }),
    );
  }

  /**
   * As commit(), but `append` is done in another store, and cannot be taken back: it is not begun unless the transaction is prepared
   * still, whatever this process remembers, and nobody else settles that before it is done. A repeat of it is to be harmless.
   */
  async commitElsewhere(id: string, { lockOwner }: Prepared, append: () => Promise<void>): Promise<void> {
    const work = async (): Promise<void> => {
      const [held] = await this.database.query<Pick<PreparedRow, 'state'>>(sql.hold, [this.participant, id]);
      const state = held?.state ?? 'unknown';
      if (state !== 'prepared') throw new TransactionSettled(id, state);
      await append();
      await inOrder(this.settle(id, lockOwner));
    };
    await this.committed(
      id,
      this.database.outside(() => this.database.transaction(work)),
    );
  }

  /** In this order: the guard of prepared streams lets nothing pass before their locks are released. */
  private settle(id: string, lockOwner: string): readonly Promise<unknown>[] {
    return [
      this.database.query(sql.settle, [this.participant, id, 'committed']),
      this.locks.releasePrepared(lockOwner),
    ];
  }

  /** Errors: those of `committing`; OutcomeContradicted. */
  private async committed(id: string, committing: Promise<unknown>): Promise<void> {
    try {
      await committing;
    } catch (error) {
      if (!(error instanceof TransactionSettled)) throw error;
      this.remembered.delete(id);
      if (error.state !== 'committed') throw this.contradicted(id, error.state, 'committed');
    }
    this.remembered.delete(id);
  }

  /** Drops what was prepared, and leaves a tombstone. Errors: OutcomeContradicted. */
  async abort({ id, tenant, coordinator }: Pick<TransactionRef, 'id' | 'tenant' | 'coordinator'>): Promise<void> {
    this.remembered.delete(id);
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

  /** With the hash of what was asked, where that was kept. */
  async known(id: string): Promise<{ readonly state: ParticipantState; readonly content: Buffer | null }> {
    const row = await this.find(id);
    return { state: row?.state ?? 'unknown', content: row?.content ?? null };
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
