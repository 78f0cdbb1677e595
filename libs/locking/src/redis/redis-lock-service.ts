// The lock service on Redis: locks are kept there, and what a commit may rely on is in the database that stores the streams.
import { type Database, loadSql, OwnershipLost } from '@concord/database';
import { InvalidArgument, warn } from '@concord/kernel';
import type { ListedLock, LockOwner, LockWait } from '../lock-service.js';
import { lockKey } from '../session/lock-news.js';
import type { Place } from '../session/owner-locks.js';
import { type LockServiceOptions, SessionLockService } from '../session/session-lock-service.js';
import { listedLocks, listedWaits } from './listing.js';
import { RedisLockTable } from './redis-lock-table.js';

const sql = {
  fence: loadSql(import.meta.url, 'sql/fence-lock-tokens.sql'),
  prepare: loadSql(import.meta.url, 'sql/prepare-lock-tokens.sql'),
  releasePrepared: loadSql(import.meta.url, 'sql/release-prepared-tokens.sql'),
};

export function assertRedisUrl(url: string): void {
  if (!/^rediss?:\/\/./.test(url)) {
    throw new InvalidArgument('REDIS_URL is no address of a Redis: write redis://host:6379, or rediss:// with TLS');
  }
}

/** The lock service on Redis. Fences and prepared locks are in PostgreSQL, which has the last word on every commit. */
export class RedisLockService extends SessionLockService {
  private readonly database: Database;
  private readonly keys: RedisLockTable;
  /** Owners of whose prepared locks Redis is being told. */
  private readonly marking = new Map<string, Promise<void>>();

  /** `redisUrl`: `redis://...`, or `rediss://...` with TLS. Errors: InvalidArgument. */
  constructor(database: Database, redisUrl: string, options: LockServiceOptions = {}) {
    assertRedisUrl(redisUrl);
    const keys = new RedisLockTable(redisUrl, database);
    super(keys, options);
    this.database = database;
    this.keys = keys;
  }

  override async fence(owner: LockOwner): Promise<void> {
    const { lists, isPrepared } = this.proofOf(owner);
    await this.database.query(sql.fence, [owner.id, ...lists, isPrepared]);
  }

  override async prepare(owner: LockOwner): Promise<void> {
    const { state, lists, isPrepared } = this.proofOf(owner);
    const session = this.sessionOf(state) ?? owner.id;
    const identity = [owner.id, session, owner.started, owner.origin];
    await this.database.query(sql.prepare, [...identity, ...lists, isPrepared]);
    const places = [...state.held.values()];
    this.database.current?.onCommit(() => {
      state.isPrepared = true;
      const told = this.tell(() => this.keys.takeovers.restore(places, this.keys.runFor()));
      this.marking.set(
        owner.id,
        told.finally(() => this.marking.delete(owner.id)),
      );
    });
  }

  /** A release that Redis sees before it knows what is prepared would give that up too; the database would not. */
  override async release(owner: LockOwner): Promise<void> {
    await this.marking.get(owner.id);
    await super.release(owner);
  }

  override async releasePrepared(ownerId: string): Promise<void> {
    const places = await this.database.query<Place & object>(sql.releasePrepared, [ownerId]);
    const values = places.flatMap(({ tenant, stream }) => [lockKey(tenant, stream), ownerId]);
    if (values.length === 0) return;
    const tell = (): void => void this.tell(() => this.keys.runFor()('releasePrepared', values));
    const { current } = this.database;
    if (current) current.onCommit(tell);
    else tell();
  }

  override async locks(): Promise<ListedLock[]> {
    const [listed, prepared] = await Promise.all([this.keys.list(), this.keys.takeovers.preparedRows(null)]);
    return listedLocks(listed, prepared);
  }

  override async waits(): Promise<LockWait[]> {
    return listedWaits(await this.keys.list());
  }

  override async close(): Promise<void> {
    // Where Redis is away, the locks end with the lease.
    await this.tell(() => super.close());
    await this.keys.close();
  }

  /** What the database holds Redis is told, or finds out when somebody waits. */
  private async tell(work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => warn(error, 'ConcordLocks'));
  }

  private proofOf(owner: LockOwner) {
    const state = this.stateOf(owner);
    if (!this.database.current)
      throw new InvalidArgument('this works in a transaction: run it in Database.transaction()');
    if (state.lost) throw new OwnershipLost(state.lost.message, {}, { cause: state.lost });
    const held = [...state.held.values()];
    const lists = [
      held.map(({ tenant }) => tenant),
      held.map(({ stream }) => stream),
      held.map(({ mode }) => mode),
      held.map(({ fencingToken }) => fencingToken),
    ];
    return { state, lists, isPrepared: state.isPrepared };
  }
}
