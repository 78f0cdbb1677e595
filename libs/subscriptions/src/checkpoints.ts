// How far a subscription has come, for the tenant of the running code. Saved in the transaction of its effects.
import { type Database, loadSql } from '@concord/database';
import type { GlobalPosition } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';

const sql = {
  read: loadSql(import.meta.url, 'sql/read-checkpoint.sql'),
  lock: loadSql(import.meta.url, 'sql/lock-checkpoint.sql'),
  hold: loadSql(import.meta.url, 'sql/hold-checkpoint.sql'),
  create: loadSql(import.meta.url, 'sql/create-checkpoint.sql'),
  save: loadSql(import.meta.url, 'sql/save-checkpoint.sql'),
  drop: loadSql(import.meta.url, 'sql/drop-checkpoint.sql'),
};

interface Row {
  readonly position: GlobalPosition;
}

/** A checkpoint held until the transaction ends. `created`: there was none, the subscription starts here. */
export interface HeldCheckpoint {
  readonly position: GlobalPosition;
  readonly created: boolean;
}

/** The checkpoints of the running tenant. */
export class Checkpoints {
  constructor(private readonly database: Database) {}

  /** Undefined when the subscription has never run for this tenant. */
  async read(subscription: string): Promise<GlobalPosition | undefined> {
    const [row] = await this.database.query<Row>(sql.read, [subscription, currentTenant()]);
    return row?.position;
  }

  /** Locks the checkpoint, made at `start` if need be. Undefined: another process holds it, and `wait` is false. */
  async hold(
    subscription: string,
    wait: boolean,
    tenant = currentTenant(),
    start: GlobalPosition = 0n,
  ): Promise<HeldCheckpoint | undefined> {
    const key = [subscription, tenant];
    if (!wait) {
      // A live consumer does this for each batch: one round trip.
      const [held] = await this.database.query<HeldCheckpoint>(sql.hold, [...key, start]);
      return held;
    }
    // Two statements: one that had waited for the lock would not see what was made meanwhile.
    const [created] = await this.database.query<Row>(sql.create, [...key, start]);
    if (created) return { position: created.position, created: true };
    const [row] = await this.database.query<Row>(sql.lock, key);
    return row && { position: row.position, created: false };
  }

  /** Moves a held checkpoint. */
  async save(subscription: string, position: GlobalPosition): Promise<void> {
    await this.database.query(sql.save, [subscription, currentTenant(), position]);
  }

  /** The subscription is no more: one of the same name starts anew. */
  async drop(subscription: string): Promise<void> {
    await this.database.query(sql.drop, [subscription, currentTenant()]);
  }
}
