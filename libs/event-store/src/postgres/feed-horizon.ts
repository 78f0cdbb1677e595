// Why the feed stands, if it does: how far it is behind, in positions and in time, and which sessions hold it back.
// Only appends under way do (ADR 1). It looks and tells; it ends nobody's session.
import { type Database, loadSql } from '@concord/database';
import type { GlobalPosition } from '@concord/kernel';

const sql = {
  lag: loadSql(import.meta.url, 'sql/feed-lag.sql'),
  holders: loadSql(import.meta.url, 'sql/feed-holders.sql'),
};

/** How far the feed is behind what was appended. */
export interface FeedLag {
  readonly at: Date;
  /** Up to here the feed is settled. */
  readonly horizon: GlobalPosition;
  /** The last position given to anybody. */
  readonly drawn: GlobalPosition;
  /** Positions above the horizon, committed or not. */
  readonly positions: bigint;
  /** How long the oldest committed event has been hidden; 0 when none is, or the feed is moving. */
  readonly milliseconds: number;
}

/** A transaction that has appended and not ended. Times and texts are the server's. */
export interface FeedHolder {
  /** Everything above this position is hidden for as long as it lasts. */
  readonly mark: GlobalPosition;
  /** Absent for a prepared transaction, which has a name instead. */
  readonly pid?: number;
  readonly prepared?: string;
  readonly role?: string;
  readonly application?: string;
  readonly client?: string;
  readonly state: string;
  readonly began?: Date;
  readonly inStateSince?: Date;
  /** What it waits for at present, and whose end that takes. */
  readonly waitsFor?: string;
  readonly blockedBy: readonly number[];
  /** The beginning of its running or last statement. */
  readonly query?: string;
  /** How many streams it has locked, and those of them that could be told, each as `tenant/stream`. */
  readonly lockedStreams: number;
  readonly streams: readonly string[];
}

/** The lag of the feed with whoever causes it, the one with the lowest mark first. */
export interface FeedDiagnosis extends FeedLag {
  readonly holders: readonly FeedHolder[];
}

interface LagRow {
  readonly at: Date;
  readonly horizon: GlobalPosition;
  readonly drawn: GlobalPosition;
  readonly hidden_since: Date | null;
}

interface HolderRow {
  readonly mark: GlobalPosition;
  readonly pid: number | null;
  readonly prepared: string | null;
  readonly role: string | null;
  readonly application: string | null;
  readonly client: string | null;
  readonly state: string;
  readonly began: Date | null;
  readonly in_state_since: Date | null;
  readonly waits_for: string | null;
  readonly blocked_by: number[] | null;
  readonly query: string | null;
  readonly locked: number;
  readonly streams: string[];
}

/** The horizon of the feed, for those who watch over it. */
export class FeedHorizon {
  constructor(private readonly database: Database) {}

  /** Cheap enough for every second. Errors: DatabaseUnavailable. */
  async lag(): Promise<FeedLag> {
    const [row] = await this.database.queryOutside<LagRow>(sql.lag);
    if (!row) throw new Error('unreachable: concord.feed_lag() always answers');
    const { at, horizon, drawn, hidden_since: since } = row;
    const milliseconds = since ? Math.max(0, at.getTime() - since.getTime()) : 0;
    return { at, horizon, drawn, positions: drawn > horizon ? drawn - horizon : 0n, milliseconds };
  }

  /** With who holds it back. Looks at all sessions and at each tenant's newest events. Errors: DatabaseUnavailable. */
  async diagnose(): Promise<FeedDiagnosis> {
    const lag = await this.lag();
    if (lag.positions === 0n) return { ...lag, holders: [] };
    const rows = await this.database.queryOutside<HolderRow>(sql.holders);
    return { ...lag, holders: rows.map(toHolder) };
  }
}

function toHolder(row: HolderRow): FeedHolder {
  const { mark, state, blocked_by: blockedBy, locked, streams, began, in_state_since: inStateSince } = row;
  const { pid, prepared, role, application, client, waits_for: waitsFor, query } = row;
  const known = { pid, prepared, role, application, client, began, inStateSince, waitsFor, query };
  return {
    mark,
    state,
    blockedBy: blockedBy ?? [],
    lockedStreams: locked,
    streams,
    ...withoutNulls(known),
  };
}

/** What the server does not know, or does not tell us, is absent. */
function withoutNulls<T extends object>(given: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  const entries = Object.entries(given).filter(([, value]) => value !== null && value !== '');
  return Object.fromEntries(entries) as { [Key in keyof T]?: NonNullable<T[Key]> };
}
