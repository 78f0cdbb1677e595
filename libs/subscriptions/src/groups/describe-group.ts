// A group as metrics and operators see it.
import { type Database, loadSql } from '@concord/database';
import { type GlobalPosition, InvalidArgument } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { GroupState } from './consumer-groups.js';

const sql = {
  group: loadSql(import.meta.url, 'sql/describe-group.sql'),
  members: loadSql(import.meta.url, 'sql/describe-members.sql'),
  slices: loadSql(import.meta.url, 'sql/describe-slices.sql'),
  parked: loadSql(import.meta.url, 'sql/count-parked.sql'),
};

interface MemberRow {
  readonly member_id: string;
  readonly label: string;
  readonly joined_at: Date;
}

interface SliceRow {
  readonly slice: number;
  readonly member_id: string | null;
  readonly fencing_token: bigint;
  readonly owned_since: Date | null;
  readonly lag: bigint | null;
  readonly waiting_streams: number;
  readonly parked: number;
}

/** Errors: InvalidArgument for a group that is not there. */
export async function describeGroup(database: Database, name: string): Promise<GroupState> {
  const [group] = await database.query<{ starts_after: GlobalPosition }>(sql.group, [name]);
  if (!group) throw new InvalidArgument(`no consumer group "${name}": it is made when its first member joins`);
  const members = await database.query<MemberRow>(sql.members, [name]);
  const slices = await database.query<SliceRow>(sql.slices, [name]);
  const parked = await database.query<{ tenant_id: TenantId; events: number }>(sql.parked, [name]);
  return {
    name,
    startsAfter: group.starts_after,
    members: members.map((row) => ({ memberId: row.member_id, label: row.label, joinedAt: row.joined_at })),
    slices: slices.map((row) => ({
      slice: row.slice,
      memberId: row.member_id,
      fencingToken: row.fencing_token,
      ownedSince: row.owned_since,
      lag: row.lag,
      waitingStreams: row.waiting_streams,
      parked: row.parked,
    })),
    parked: parked.map((row) => ({ tenantId: row.tenant_id, events: row.events })),
  };
}
