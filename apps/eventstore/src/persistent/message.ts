// An event on its way to a consumer, and the lane that pinned strategies keep together.
import { createHash } from 'node:crypto';
import type { StoredEvent } from '@concord/event-store';
import type { Entry } from '../reading/source.js';
import { LINK, LINK_PLACE, toPayload } from '../streams/payloads.js';

export interface Message {
  /** What consumers acknowledge: the id of the link, where there is one. */
  readonly id: string;
  readonly entry: Entry;
  /** Where it stands in what is subscribed to; a replayed one, in the stream of parked events. */
  readonly place: bigint;
  readonly replayed: boolean;
  readonly lane: number;
  /** How many times it was handed out before, as consumers are told. */
  retries: number;
  /** How many of those may be its own fault: these are what is limited. */
  failures: number;
}

export const LANES = 1024;

export interface Placed {
  readonly place: bigint;
  readonly replayed: boolean;
  readonly byCorrelation: boolean;
}

/** Undefined for an entry of nothing. */
export function messageOf(entry: Entry, { place, replayed, byCorrelation }: Placed): Message | undefined {
  const shown = entry.link ?? entry.event;
  if (!shown) return undefined;
  const lane = laneOf(entry.event ?? shown, byCorrelation);
  return { id: shown.event_id, entry, place, replayed, lane, retries: 0, failures: 0 };
}

/** Events of a stream, or of a conversation, have the same lane. */
function laneOf(event: StoredEvent, byCorrelation: boolean): number {
  const key = (byCorrelation && correlationOf(event)) || streamOf(event);
  return createHash('sha1').update(key).digest().readUInt32BE(0) % LANES;
}

function correlationOf(event: StoredEvent): string | undefined {
  try {
    const metadata = JSON.parse(Buffer.from(toPayload(event).customMetadata).toString()) as Record<string, unknown>;
    // Clients of EventStoreDB write the first, domain code the second.
    const id = metadata['$correlationId'] ?? metadata['correlationId'];
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}

/** A link that is not resolved counts as an event of the stream that it points to. */
function streamOf(event: StoredEvent): string {
  if (event.event_type !== LINK) return event.stream_name;
  const [, , stream] = LINK_PLACE.exec(Buffer.from(toPayload(event).data).toString()) ?? [];
  return stream ?? event.stream_name;
}
