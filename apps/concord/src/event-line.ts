// An event as one line of JSON: the same fields, in the same order, wherever a command gives events. Positions are text, since
// JSON has no such numbers; payloads that were stored as text are handed on to the byte.
import type { StoredEvent } from '@concord/event-store';
import type { RecordedEvent } from '@concord/kernel';

/** For --help. */
export const EVENT_FIELDS =
  '{"globalPosition", "tenant", "stream", "streamPosition", "type", "id", "recordedAt", "data", "metadata"}';

const TICKS_A_MILLISECOND = 10_000n;

/** A stored event and whose it is. */
export interface TenantEvent extends StoredEvent {
  readonly tenant: string;
}

export function recordedAt({ ticks }: StoredEvent): number {
  return Number(ticks / TICKS_A_MILLISECOND);
}

export function lineOfStored(event: TenantEvent): string {
  const { tenant, stream_name: stream, event_type: type, event_id: id, data, metadata } = event;
  return (
    `{"globalPosition":"${event.global_position}","tenant":${JSON.stringify(tenant)},"stream":${JSON.stringify(stream)},` +
    `"streamPosition":"${event.stream_position}","type":${JSON.stringify(type)},"id":"${id}",` +
    `"recordedAt":"${new Date(recordedAt(event)).toISOString()}","data":${inOneLine(data)},"metadata":${inOneLine(metadata)}}`
  );
}

export function lineOfRecorded(event: RecordedEvent): string {
  const { tenantId, recordedAt: at, ...metadata } = event.metadata;
  const { globalPosition, stream, streamPosition, type, id, data } = event;
  return JSON.stringify({
    globalPosition: globalPosition.toString(),
    tenant: tenantId,
    stream,
    streamPosition: streamPosition.toString(),
    type,
    id,
    recordedAt: at.toISOString(),
    data,
    metadata,
  });
}

/** Within texts of JSON there are no line breaks: those that there are stand between its tokens. */
function inOneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(/[\r\n]+/g, ' ') : json;
}
