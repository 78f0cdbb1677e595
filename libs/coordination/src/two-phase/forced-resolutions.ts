// What operators have forced in one database: kept for good, carried out where the participant is, and told as an alarm.
import { Logger } from '@nestjs/common';
import { type Database, loadSql } from '@concord/database';
import type { TenantId } from '@concord/tenancy';
import { told } from './telemetry.js';

/** How a transaction can end. */
export type Ended = 'committed' | 'aborted';

/** An operator's word, as it is kept. */
export interface ForcedResolution {
  readonly id: string;
  readonly participant: string;
  readonly was: string;
  readonly outcome: Ended;
  readonly by: string;
  readonly reason: string;
}

/** One that is to be carried out. */
export interface PendingResolution {
  readonly number: bigint;
  readonly id: string;
  readonly outcome: Ended;
  /** What has become of it there; null: nothing is known any more. */
  readonly state: 'prepared' | Ended | null;
  readonly coordinator: string;
  readonly tenant: TenantId;
}

interface Alarm extends Omit<ForcedResolution, 'was' | 'participant'> {
  /** Null: the decision itself, which DecisionLog.forceAbort() has recorded. */
  readonly participant: string | null;
  readonly overruled: Ended | null;
}

const sql = {
  record: loadSql(import.meta.url, 'sql/force-resolution.sql'),
  pending: loadSql(import.meta.url, 'sql/pending-resolutions.sql'),
  carryOut: loadSql(import.meta.url, 'sql/carry-out-resolution.sql'),
  alarm: loadSql(import.meta.url, 'sql/alarm-resolutions.sql'),
  state: loadSql(import.meta.url, 'sql/resolution-state.sql'),
};

export class ForcedResolutions {
  private readonly logger = new Logger('Transactions');

  constructor(private readonly database: Database) {}

  /** Answers its number. Unless it `isDone`, a process with the participant carries it out, should the caller not. */
  async record(
    { id, participant, was, outcome, by, reason }: ForcedResolution,
    { isDone }: { readonly isDone: boolean },
  ): Promise<bigint> {
    const values = [id, participant, was, outcome, by, reason, isDone];
    const [row] = await this.database.query<{ id: bigint }>(sql.record, values);
    return row?.id ?? 0n;
  }

  pending(participant: string): Promise<PendingResolution[]> {
    return this.database.queryOutside<PendingResolution>(sql.pending, [participant]);
  }

  /** `overruled`: what it has come to instead. */
  async carriedOut(number: bigint, overruled: Ended | null): Promise<void> {
    await this.database.queryOutside(sql.carryOut, [number, overruled]);
  }

  /** Whether it is carried out. */
  async stateOf(number: bigint): Promise<{ readonly isDone: boolean; readonly overruled: Ended | null }> {
    const [row] = await this.database.queryOutside<{ appliedAt: Date | null; overruled: Ended | null }>(sql.state, [
      number,
    ]);
    return { isDone: row !== undefined && row.appliedAt !== null, overruled: row?.overruled ?? null };
  }

  /** Tells of what nobody has told of yet: as an error, and in a metric. */
  async alarm(): Promise<void> {
    for (const one of await this.database.queryOutside<Alarm>(sql.alarm)) this.tell(one);
  }

  private tell({ id, participant, outcome, by, reason, overruled }: Alarm): void {
    told.forced(outcome);
    const where = participant === null ? '' : ` at "${participant}"`;
    const but = overruled === null ? '' : `; but it is ${overruled}, as its coordinator decided`;
    this.logger.error(`transaction ${id} was forced to be ${outcome}${where} by ${by}: ${reason}${but}`);
  }
}
