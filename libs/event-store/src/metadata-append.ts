// Metadata that arrive as an append to their own stream, which is how EventStoreDB's clients write them.
import { InvalidArgument, type NewEvent, type StreamName } from '@concord/kernel';
import type { Append } from './append.js';
import { JsonText } from './json-text.js';
import {
  METADATA_EVENT,
  type MetadataWrite,
  prepareMetadata,
  toMetadata,
  TOMBSTONE_POSITION,
  TRUNCATE_BEFORE,
} from './stream-metadata.js';

type Payload = Readonly<Record<string, unknown>>;

const PREFIX = '$$';

/** Undefined when no append is to a metadata stream. Errors: InvalidArgument. */
export function metadataWriteOf(appends: readonly Append[]): MetadataWrite | undefined {
  if (!appends.some(({ stream }) => stream.startsWith(PREFIX))) return undefined;
  const [append] = appends;
  const [event] = append?.events ?? [];
  if (!append || !event || appends.length > 1 || append.events.length > 1 || event.type !== METADATA_EVENT) {
    throw new InvalidArgument(`a stream ${PREFIX}... takes one ${METADATA_EVENT} event at a time, and alone`);
  }
  return { stream: ownerOf(append.stream), expected: append.expected, ...checked(event) };
}

function checked(event: Required<NewEvent>): Pick<MetadataWrite, 'event' | 'deleting'> {
  const payload = payloadOf(event);
  const deleting = checkedTruncation(payload);
  const { [TRUNCATE_BEFORE]: _before, ...rest } = payload;
  prepareMetadata(toMetadata(deleting ? rest : payload), event.id);
  return { event: deleting ? { ...event, data: payload } : event, deleting };
}

function ownerOf(metadataStream: string): StreamName {
  const stream = metadataStream.slice(PREFIX.length);
  if (stream !== '' && !stream.startsWith(PREFIX)) return stream as StreamName;
  throw new InvalidArgument(`"${metadataStream}" is the metadata of no stream`);
}

function payloadOf({ data }: NewEvent): Payload {
  const payload = data instanceof JsonText ? data.toJSON() : data;
  if (typeof payload === 'object' && payload !== null && !Array.isArray(payload)) return payload as Payload;
  throw new InvalidArgument('stream metadata are a JSON object');
}

/** Whether it deletes: 2^63 - 1, as JSON reads it. */
function checkedTruncation({ [TRUNCATE_BEFORE]: before }: Payload): boolean {
  if (before === Number(TOMBSTONE_POSITION)) return true;
  if (before === undefined || Number.isSafeInteger(before)) return false;
  throw new InvalidArgument(`${TRUNCATE_BEFORE} is a stream position, or 2^63 - 1 to delete`);
}
