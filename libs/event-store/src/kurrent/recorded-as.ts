// An event as it will be read back, made before it was: with this process's clock, and without its global position.
import type { NewEvent, RecordedEvent, StreamName, StreamPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { JsonText } from '../json-text.js';

interface Place {
  readonly tenant: TenantId;
  readonly stream: StreamName;
  readonly position: StreamPosition;
}

export function recordedAs(event: Required<NewEvent>, place: Place): Omit<RecordedEvent, 'globalPosition'> {
  return {
    id: event.id.toLowerCase(),
    type: event.type,
    data: event.data instanceof JsonText ? event.data.toJSON() : event.data,
    metadata: { ...event.metadata, tenantId: place.tenant, recordedAt: new Date() },
    stream: place.stream,
    streamPosition: place.position,
  };
}
