// The lock service on PostgreSQL: locks are kept in the database that stores the streams, and its clock and its order count.
import { type Database, loadSql, OwnershipLost } from '@concord/database';
import { InvalidArgument, type StreamName } from '@concord/kernel';
import type { LockMode } from '../lock-holder.js';
import type { ListedLock, LockOwner, LockWait } from '../lock-service.js';
import type { LockNews } from '../session/lock-news.js';
import { type LockServiceOptions, SessionLockService } from '../session/session-lock-service.js';
import { PostgresLockTable } from './postgres-lock-table.js';

interface ListedRow {
  readonly tenant: string;
  readonly stream: StreamName;
  readonly mode: LockMode;
  readonly token: bigint;
  readonly owner: string;
  readonly started: Date;
  readonly label: string;
  readonly prepared: boolean;
}

interface WaitRow {
  readonly tenant: string;
  readonly stream: StreamName;
  readonly owner: string;
  readonly mode: LockMode;
  readonly asked_at: Date;
  readonly for_owner: string;
  readonly for_mode: LockMode;
  readonly is_held: boolean;
  readonly prepared: boolean;
  readonly label: string;
}

const sql = {
  fence: loadSql(import.meta.url, 'sql/fence-locks.sql'),
  prepare: loadSql(import.meta.url, 'sql/prepare-locks.sql'),
  releasePrepared: loadSql(import.meta.url, 'sql/release-prepared.sql'),
  held: loadSql(import.meta.url, 'sql/held-locks.sql'),
  waits: loadSql(import.meta.url, 'sql/lock-waits.sql'),
};

/** The lock service on PostgreSQL. */
export class PostgresLockService extends SessionLockService {
  private readonly database: Database;
  private readonly rows: PostgresLockTable;

  constructor(database: Database, options: LockServiceOptions = {}) {
    const rows = new PostgresLockTable(database);
    super(rows, options);
    this.database = database;
    this.rows = rows;
  }

  override async fence(owner: LockOwner): Promise<void> {
    await this.refuseUnlessHeld(sql.fence, owner);
  }

  override async prepare(owner: LockOwner): Promise<void> {
    const state = this.stateOf(owner);
    await this.refuseUnlessHeld(sql.prepare, owner);
    this.database.current?.onCommit(() => (state.isPrepared = true));
  }

  override async releasePrepared(ownerId: string): Promise<void> {
    const news = await this.database.query<LockNews>(sql.releasePrepared, [ownerId]);
    const tell = (): void => {
      for (const session of new Set(news.map((one) => one.session))) {
        this.rows.tell(session);
      }
    };
    const { current } = this.database;
    if (current) current.onCommit(tell);
    else tell();
  }

  override async locks(): Promise<ListedLock[]> {
    const rows = await this.database.queryOutside<ListedRow>(sql.held);
    return rows.map(({ token, ...row }) => ({ ...row, fencingToken: token }));
  }

  override async waits(): Promise<LockWait[]> {
    const rows = await this.database.queryOutside<WaitRow>(sql.waits);
    return rows.map(({ tenant, stream, owner, mode, asked_at, for_owner, for_mode, is_held, prepared, label }) => {
      const waitsFor = { owner: for_owner, mode: for_mode, label, prepared, holds: is_held };
      return { tenant, stream, owner, mode, since: asked_at, waitsFor };
    });
  }

  private async refuseUnlessHeld(statement: typeof sql.fence, owner: LockOwner): Promise<void> {
    const state = this.stateOf(owner);
    if (!this.database.current)
      throw new InvalidArgument('this works in a transaction: run it in Database.transaction()');
    if (state.lost) throw new OwnershipLost(state.lost.message, {}, { cause: state.lost });
    const held = [...state.held.values()];
    await this.database.query(statement, [
      owner.id,
      held.map(({ tenant }) => tenant),
      held.map(({ stream }) => stream),
      held.map(({ fencingToken }) => fencingToken),
    ]);
  }
}
