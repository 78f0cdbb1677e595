// What the statements answer, and the events it stands for.
import type { EventMetadata, RecordedEvent, StreamName } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { Append } from '../append.js';
import type { AppendResult } from '../requests.js';

/** A row of concord.events. */
export interface EventRow {
  tenant_id: TenantId;
  global_position: bigint;
  stream_name: StreamName;
  stream_position: bigint;
  event_id: string;
  event_type: string;
  data: unknown;
  metadata: EventMetadata;
  recorded_at: Date;
}

/** What an aggregate needs of an event. */
export interface LoadedRow {
  stream_name: StreamName;
  event_type: string;
  data: unknown;
}

/** A row of concord.append. */
export interface AppendedRow {
  last_stream_position: bigint;
  /** int8[] comes back as text. */
  global_positions: readonly (bigint | string)[];
  repeated: boolean;
  recorded_at: Date;
}

export function toRecordedEvent(row: EventRow): RecordedEvent {
  return {
    id: row.event_id,
    type: row.event_type,
    data: row.data,
    metadata: { ...row.metadata, tenantId: row.tenant_id, recordedAt: row.recorded_at },
    stream: row.stream_name,
    streamPosition: row.stream_position,
    globalPosition: row.global_position,
  };
}

export function toAppendResult(tenantId: TenantId, append: Append | undefined, row: AppendedRow): AppendResult {
  if (!append) throw new Error('the store answered for more streams than it was asked');
  const positions = row.global_positions.map(BigInt);
  const first = row.last_stream_position - BigInt(append.events.length - 1);
  const { stream } = append;
  const events = append.events.map((event, index) => ({
    id: event.id.toLowerCase(),
    type: event.type,
    data: event.data,
    metadata: { ...event.metadata, tenantId, recordedAt: row.recorded_at },
    stream,
    streamPosition: first + BigInt(index),
    globalPosition: positions[index] ?? 0n,
  }));
  return {
    stream,
    revision: row.last_stream_position,
    globalPosition: positions.at(-1) ?? 0n,
    events: row.repeated ? [] : events,
  };
}
