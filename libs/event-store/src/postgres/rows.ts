// What the statements answer, and the events it stands for.
import {
  type DomainEvent,
  type EventMetadata,
  NO_REVISION,
  type RecordedEvent,
  type StreamName,
} from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { Append } from '../append.js';
import type { AppendResult, LoadedStream } from '../requests.js';

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
  stream_position: bigint;
  /** Null in a row that says only where the stream ends. */
  event_type: string | null;
  data: unknown;
}

/** A row of concord.append. */
export interface AppendedRow {
  last_stream_position: bigint;
  global_positions: string[];
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

export function toLoadedStreams(
  streams: readonly StreamName[],
  rows: readonly LoadedRow[],
): Map<StreamName, LoadedStream> {
  const loaded = new Map(streams.map((stream) => [stream, { events: [] as DomainEvent[], revision: NO_REVISION }]));
  for (const row of rows) {
    const stream = loaded.get(row.stream_name);
    if (!stream) continue;
    if (row.event_type !== null) stream.events.push({ type: row.event_type, data: row.data });
    stream.revision = row.stream_position;
  }
  return loaded;
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
