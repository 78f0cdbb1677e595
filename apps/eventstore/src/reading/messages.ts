// Events and signs of a Read as they travel.
import type { ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { StoredEvent } from '@concord/event-store';
import { streamIdentifier, uuidOf } from '../grpc/identifiers.js';
import { shared, streams } from '../grpc/protocol.js';
import { toPayload } from '../streams/payloads.js';
import type { ReadRequest } from './read-request.js';
import type { Entry } from './source.js';

/** Only the feed's events tell where reading goes on; as in EventStoreDB, a stream's do not. */
export function eventMessage({ event, link }: Entry, { stream, structuredIds }: ReadRequest): ReadResp {
  const read = new streams.ReadResp.ReadEvent();
  if (event) read.setEvent(recordedEvent(event, structuredIds));
  if (link) read.setLink(recordedEvent(link, structuredIds));
  const position = (link ?? event)?.global_position;
  if (stream === undefined && position !== undefined) read.setCommitPosition(position.toString());
  else read.setNoPosition(new shared.Empty());
  return new streams.ReadResp().setEvent(read);
}

export function confirmation(subscriptionId: string): ReadResp {
  const confirmed = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(subscriptionId);
  return new streams.ReadResp().setConfirmation(confirmed);
}

export function checkpoint(position: bigint): ReadResp {
  const text = position.toString();
  const reached = new streams.ReadResp.Checkpoint().setCommitPosition(text).setPreparePosition(text);
  return new streams.ReadResp().setCheckpoint(reached);
}

export function streamNotFound(stream: string): ReadResp {
  const missing = new streams.ReadResp.StreamNotFound().setStreamIdentifier(streamIdentifier(stream));
  return new streams.ReadResp().setStreamNotFound(missing);
}

export function caughtUp(): ReadResp {
  return new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp());
}

export function fellBehind(): ReadResp {
  return new streams.ReadResp().setFellBehind(new streams.ReadResp.FellBehind());
}

function recordedEvent(event: StoredEvent, structuredIds: boolean): ReadResp.ReadEvent.RecordedEvent {
  const { contentType, data, customMetadata } = toPayload(event);
  const position = event.global_position.toString();
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent()
    .setId(uuidOf(event.event_id, structuredIds))
    .setStreamIdentifier(streamIdentifier(event.stream_name))
    .setStreamRevision(event.stream_position.toString())
    .setPreparePosition(position)
    .setCommitPosition(position)
    .setData(data)
    .setCustomMetadata(customMetadata);
  const properties = recorded.getMetadataMap();
  properties.set('type', event.event_type);
  properties.set('content-type', contentType);
  properties.set('created', event.ticks.toString());
  return recorded;
}
