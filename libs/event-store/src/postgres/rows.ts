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
import type { Upcasts } from '../upcasts.js';
import type { AppendResult, LoadedSnapshot, LoadedStream } from '../requests.js';

/** What a row of concord.events has beside its stream and tenant, which a reader of one stream knows. */
export interface StreamRow {
  global_position: bigint;
  stream_position: bigint;
  event_id: string;
  event_type: string;
  data: unknown;
  metadata: EventMetadata;
  recorded_at: Date;
}

/** A row of concord.events. */
export interface EventRow extends StreamRow {
  tenant_id: TenantId;
  stream_name: StreamName;
  /** In the feed only: up to which position something is archived. */
  archived_through?: bigint | null;
}

/** What an aggregate needs of an event. */
export interface LoadedRow {
  stream_name: StreamName;
  stream_position: bigint;
  /**
   * Empty for a snapshot; null in a row that says only where the stream ends and, in `data`, from where on it is shown, from
   * where on it must be read, and whether it has metadata or was deleted.
   */
  event_type: string | null;
  data: unknown;
  /** The version of its form, when it is asked for. */
  form: number | null;
}

/** A row of concord.append. */
export interface AppendedRow {
  last_stream_position: bigint;
  /** int8[] comes back as text. */
  global_positions: readonly (bigint | string)[];
  repeated: boolean;
  recorded_at: Date;
}

/** Whose stream a row is of. */
export function streamOf({ stream_name }: { readonly stream_name: StreamName }): StreamName {
  return stream_name;
}

export function toRecordedEvent(row: EventRow): RecordedEvent {
  return toStreamEvent(row, row.tenant_id, row.stream_name);
}

/** The row is the event's from now on: a copy of its metadata would be a fifth of the time of reading it. */
export function toStreamEvent(row: StreamRow, tenantId: TenantId, stream: StreamName): RecordedEvent {
  const metadata = row.metadata as RecordedEvent['metadata'] & { tenantId: TenantId; recordedAt: Date };
  metadata.tenantId = tenantId;
  metadata.recordedAt = row.recorded_at;
  return {
    id: row.event_id,
    type: row.event_type,
    data: row.data,
    metadata,
    stream,
    streamPosition: row.stream_position,
    globalPosition: row.global_position,
  };
}

export function toLoadedStreams(
  streams: readonly StreamName[],
  rows: readonly LoadedRow[],
  upcasts: Upcasts,
  personal: ReadonlySet<StreamName>,
): Map<StreamName, LoadedStream> {
  const loaded = new Map(streams.map((stream) => [stream, new Loading(upcasts)]));
  for (const stream of personal) Object.assign(loaded.get(stream) ?? {}, { holdsPersonal: true });
  for (const row of rows) loaded.get(row.stream_name)?.add(row);
  return loaded;
}

class Loading implements LoadedStream {
  readonly events: DomainEvent[] = [];
  revision = NO_REVISION;
  first = 0n;
  hasSettings?: boolean;
  snapshot?: LoadedSnapshot;
  declare holdsPersonal?: boolean;
  readonly #upcasts: Upcasts;

  constructor(upcasts: Upcasts) {
    this.#upcasts = upcasts;
  }

  add({ event_type: type, stream_position: revision, data, form }: LoadedRow): void {
    if (type === null) this.isKept(data as [number, number, boolean]);
    else if (type === '') this.snapshot = { state: data, revision };
    else this.events.push(this.#upcasts.apply({ type, data }, form ?? undefined));
    this.revision = revision;
  }

  private isKept([first, , hasSettings]: readonly [number, number, boolean]): void {
    this.first = BigInt(first);
    if (hasSettings) this.hasSettings = true;
  }
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
