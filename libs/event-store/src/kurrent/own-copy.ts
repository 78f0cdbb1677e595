// Events that are kept are given out as copies: what a caller does to a payload is its own matter.
import type { RecordedEvent } from '@concord/kernel';

export function ownCopy(event: RecordedEvent): RecordedEvent {
  return { ...event, data: copyOf(event.data), metadata: { ...event.metadata } };
}

function copyOf(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || json instanceof Uint8Array) return json;
  if (Array.isArray(json)) return json.map(copyOf);
  const copy: Record<string, unknown> = { ...json };
  for (const [key, value] of Object.entries(copy)) if (typeof value === 'object') copy[key] = copyOf(value);
  return copy;
}
