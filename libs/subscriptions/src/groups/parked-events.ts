// What operators do about parked events, from any process. The slice's owner hears of it with its next heartbeat.
import { type Database, loadSql } from '@concord/database';
import { type GlobalPosition, InvalidArgument, isId, type StreamName, type StreamPosition } from '@concord/kernel';
import { currentTenant, type TenantId } from '@concord/tenancy';
import type { ParkedEvent } from './consumer-groups.js';

const sql = {
  list: loadSql(import.meta.url, 'sql/list-parked-events.sql'),
  replay: loadSql(import.meta.url, 'sql/ask-replay.sql'),
  discard: loadSql(import.meta.url, 'sql/discard-parked.sql'),
};

const PAGE = 100;

interface ParkedRow {
  readonly group_name: string;
  readonly tenant_id: TenantId;
  readonly event_id: string;
  readonly slice: number;
  readonly stream_name: StreamName;
  readonly stream_position: StreamPosition;
  readonly global_position: GlobalPosition;
  readonly event_type: string;
  readonly reason: string;
  readonly attempts: number;
  readonly parked_at: Date;
  readonly replay_asked_at: Date | null;
}

export async function listParked(
  database: Database,
  group: string,
  { after = 0n, limit = PAGE }: { after?: GlobalPosition; limit?: number },
): Promise<ParkedEvent[]> {
  const rows = await database.query<ParkedRow>(sql.list, [group, currentTenant(), after, limit]);
  return rows.map((row) => ({
    group: row.group_name,
    tenantId: row.tenant_id,
    eventId: row.event_id,
    slice: row.slice,
    stream: row.stream_name,
    streamPosition: row.stream_position,
    globalPosition: row.global_position,
    type: row.event_type,
    reason: row.reason,
    attempts: row.attempts,
    parkedAt: row.parked_at,
    replayAskedAt: row.replay_asked_at,
  }));
}

/** Errors: InvalidArgument for what is no event id. */
export async function replayParked(database: Database, group: string, eventIds: readonly string[]): Promise<number> {
  const rows = await database.query(sql.replay, [group, currentTenant(), checkIds(eventIds)]);
  return rows.length;
}

/** Errors: InvalidArgument for what is no event id. */
export async function discardParked(database: Database, group: string, eventIds: readonly string[]): Promise<number> {
  const [row] = await database.query<{ discarded: number }>(sql.discard, [group, currentTenant(), checkIds(eventIds)]);
  return row?.discarded ?? 0;
}

function checkIds(eventIds: readonly string[]): readonly string[] {
  for (const id of eventIds) if (!isId(id)) throw new InvalidArgument(`"${id.slice(0, 80)}" is no event id`);
  return eventIds;
}
