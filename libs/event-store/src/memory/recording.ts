// An event of the memory store as it is recorded, and whether it is the one that is there.
import type { RecordedEvent, StreamName } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { Append } from '../append.js';
import type { AppendResult } from '../requests.js';

export function record(
  event: Append['events'][number],
  place: { tenant: TenantId; stream: StreamName; actual: bigint; start: bigint; index: number },
): RecordedEvent {
  // Through JSON, as every other store: later changes to the caller's objects must not reach what is recorded.
  const copy = JSON.parse(JSON.stringify(event)) as Required<typeof event>;
  return {
    ...copy,
    id: copy.id.toLowerCase(),
    metadata: { ...copy.metadata, tenantId: place.tenant, recordedAt: new Date() },
    stream: place.stream,
    streamPosition: place.actual + 1n + BigInt(place.index),
    globalPosition: place.start + 1n + BigInt(place.index),
  };
}

export function isSame(
  stored: RecordedEvent,
  stream: StreamName,
  event: Append['events'][number] | undefined,
): boolean {
  return (
    stored.stream === stream &&
    stored.type === event?.type &&
    JSON.stringify(stored.data) === JSON.stringify(event.data)
  );
}

export function result(stream: StreamName, last: RecordedEvent | undefined, events: RecordedEvent[]): AppendResult {
  if (!last) throw new Error('unreachable: an append has at least one event');
  return { stream, revision: last.streamPosition, globalPosition: last.globalPosition, events };
}
