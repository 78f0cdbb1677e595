// The rows that say which instance is to be looked at, and when. They follow from the streams; the database's clock counts.
import { type Database, loadSql } from '@concord/database';
import type { GlobalPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';

const sql = {
  hand: loadSql(import.meta.url, 'sql/hand-to-processes.sql'),
  claim: loadSql(import.meta.url, 'sql/claim-processes.sql'),
  prolong: loadSql(import.meta.url, 'sql/prolong-processes.sql'),
  release: loadSql(import.meta.url, 'sql/release-processes.sql'),
  nextDue: loadSql(import.meta.url, 'sql/next-due-process.sql'),
};

/** As an operator sees an instance: `expected` is one for which something came before what starts it. */
export type ProcessStatus = 'expected' | 'running' | 'compensating' | 'quarantined' | 'completed' | 'compensated';

/** An event for an instance. */
export interface Handed {
  readonly tenant: TenantId;
  readonly instance: string;
  readonly position: GlobalPosition;
  readonly event: string;
  readonly starts: boolean;
  readonly waits: boolean;
}

/** Which instance. */
export interface ProcessKey {
  readonly process: string;
  readonly tenant: TenantId;
  readonly instance: string;
}

/** An instance to work on, leased. */
export interface Claimed extends ProcessKey {
  readonly version: number | undefined;
  readonly attempts: number;
  readonly woken: bigint;
  /** Ids of events, in the order of the feed. */
  readonly inbox: readonly string[];
  /** The database's clock, as it goes on from when the instance was claimed. */
  readonly now: () => Date;
}

/** An instance as it is left: `due` null waits for something to come. */
export interface Released extends ProcessKey {
  readonly status: ProcessStatus;
  readonly version: number | null;
  readonly attempts: number;
  readonly reason: string | null;
  readonly woken: string;
  readonly due: string | null;
  readonly handled: readonly string[];
}

interface ClaimedRow {
  readonly process: string;
  readonly tenant_id: TenantId;
  readonly instance_id: string;
  readonly version: number | null;
  readonly attempts: number;
  readonly woken: bigint;
  readonly inbox: readonly string[];
  readonly moment: Date;
}

export class ProcessRows {
  constructor(private readonly database: Database) {}

  /** In the running transaction. */
  async hand(process: string, handed: readonly Handed[]): Promise<void> {
    const rows = handed.map((one) => ({ ...one, position: one.position.toString() }));
    await this.database.query(sql.hand, [process, JSON.stringify(rows)]);
  }

  async claim(known: readonly object[], owner: string, leaseMs: number, most: number): Promise<Claimed[]> {
    const values = [JSON.stringify(known), owner, leaseMs, most];
    const rows = await this.database.queryOutside<ClaimedRow>(sql.claim, values);
    const claimedAt = performance.now();
    return rows.map(({ tenant_id: tenant, instance_id: instance, version, moment, ...row }) => ({
      ...row,
      tenant,
      instance,
      version: version ?? undefined,
      now: () => new Date(moment.getTime() + performance.now() - claimedAt),
    }));
  }

  async prolong(owner: string, leaseMs: number, held: readonly ProcessKey[]): Promise<void> {
    const keys = held.map(({ process, tenant, instance }) => ({ process, tenant, instance }));
    await this.database.queryOutside(sql.prolong, [owner, leaseMs, JSON.stringify(keys)]);
  }

  async release(owner: string, released: readonly Released[]): Promise<void> {
    await this.database.queryOutside(sql.release, [owner, JSON.stringify(released)]);
  }

  /** In how many milliseconds the next one will be due, of those that are not yet; undefined: none will. */
  async nextDueIn(): Promise<number | undefined> {
    const [row] = await this.database.queryOutside<{ due_in: number | null }>(sql.nextDue, []);
    return row?.due_in ?? undefined;
  }
}
