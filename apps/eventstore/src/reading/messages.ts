// Events and signs of a Read as they travel.
import type { ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { StreamIdentifier, UUID } from '@eventstore/db-client/generated/shared_pb.js';
import type { StoredEvent } from '@concord/event-store';
import { streamIdentifier, uuidOf } from '../grpc/identifiers.js';
import { shared, streams } from '../grpc/protocol.js';
import { toPayload } from '../streams/payloads.js';
import type { ReadRequest } from './read-request.js';
import type { Entry } from './source.js';

/** Only the feed's events tell where reading goes on; as in EventStoreDB, a stream's do not. */
export function eventMessage({ event, link }: Entry, { stream, structuredIds }: ReadRequest): ReadResp {
  const { RecordedEvent } = streams.ReadResp.ReadEvent;
  const read = new streams.ReadResp.ReadEvent();
  if (event) read.setEvent(fillRecordedEvent(new RecordedEvent(), event, structuredIds));
  if (link) read.setLink(fillRecordedEvent(new RecordedEvent(), link, structuredIds));
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

/** An event on the wire: Streams and PersistentSubscriptions have a message of their own each, of the same form. */
interface RecordedMessage {
  setId(id: UUID): unknown;
  setStreamIdentifier(identifier: StreamIdentifier): unknown;
  setStreamRevision(revision: string): unknown;
  setPreparePosition(position: string): unknown;
  setCommitPosition(position: string): unknown;
  setData(data: Uint8Array): unknown;
  setCustomMetadata(metadata: Uint8Array): unknown;
  getMetadataMap(): { set(key: string, value: string): unknown };
}

export function fillRecordedEvent<T extends RecordedMessage>(
  recorded: T,
  event: StoredEvent,
  structuredIds: boolean,
): T {
  const { contentType, data, customMetadata } = toPayload(event);
  const position = event.global_position.toString();
  recorded.setId(uuidOf(event.event_id, structuredIds));
  recorded.setStreamIdentifier(streamIdentifier(event.stream_name));
  recorded.setStreamRevision(event.stream_position.toString());
  recorded.setPreparePosition(position);
  recorded.setCommitPosition(position);
  recorded.setData(data);
  recorded.setCustomMetadata(customMetadata);
  const properties = recorded.getMetadataMap();
  properties.set('type', event.event_type);
  properties.set('content-type', contentType);
  properties.set('created', event.ticks.toString());
  return recorded;
}
