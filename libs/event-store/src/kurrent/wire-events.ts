// Streams and events as they are on the wire: `<tenant>~<stream>`, JSON, and the metadata keys that KurrentDB knows.
import type { ResolvedEvent } from '@eventstore/db-client';
import type { EventMetadata, RecordedEvent, StreamName } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';

/** What no tenant id contains. */
const BETWEEN = '~';
/** What the name of a stream of metadata begins with; the server knows it by that. */
const METADATA = '$$';
const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function wireName(tenant: TenantId, stream: StreamName): string {
  if (stream.startsWith(METADATA)) return `${METADATA}${tenant}${BETWEEN}${stream.slice(METADATA.length)}`;
  return `${tenant}${BETWEEN}${stream}`;
}

interface Place {
  readonly tenant: TenantId;
  readonly stream: StreamName;
}

// Most events come in runs of one stream.
let lastParsed: { readonly name: string; readonly place: Place | undefined } = { name: '', place: undefined };

/** Undefined for a stream that is not ours. */
export function parseWireName(name: string): Place | undefined {
  if (name !== lastParsed.name) lastParsed = { name, place: parsed(name) };
  return lastParsed.place;
}

function parsed(name: string): Place | undefined {
  const prefix = name.startsWith(METADATA) ? METADATA : '';
  const end = name.indexOf(BETWEEN);
  const tenant = name.slice(prefix.length, end);
  if (end < 0 || !TENANT.test(tenant)) return undefined;
  return { tenant, stream: `${prefix}${name.slice(end + 1)}` as StreamName };
}

/** Our own keys, and those by which KurrentDB's projections follow a conversation. */
export function wireMetadata(metadata: EventMetadata): object {
  const { correlationId, causationId } = metadata;
  return {
    ...metadata,
    ...(correlationId !== undefined && { $correlationId: correlationId }),
    ...(causationId !== undefined && { $causationId: causationId }),
  };
}

function metadataOf(wire: unknown, tenantId: TenantId, recordedAt: Date): RecordedEvent['metadata'] {
  const isObject = typeof wire === 'object' && wire !== null && !(wire instanceof Uint8Array);
  if (!isObject) return { tenantId, recordedAt };
  if (!('$correlationId' in wire || '$causationId' in wire)) return { ...wire, tenantId, recordedAt };
  const { $correlationId, $causationId, ...own } = wire as Record<string, unknown>;
  return {
    ...(typeof $correlationId === 'string' && { correlationId: $correlationId }),
    ...(typeof $causationId === 'string' && { causationId: $causationId }),
    ...own,
    tenantId,
    recordedAt,
  };
}

/** What was read, with the position of everything, ours or not. */
export interface ReadEvent {
  readonly position: bigint;
  /** Undefined for what is not an event of a tenant: links, metadata, KurrentDB's own. */
  readonly recorded: RecordedEvent | undefined;
}

// The client has turned `created`, which is in ticks of 100 ns since 1970, into a Date.
export function readEvent({ event, link, commitPosition }: ResolvedEvent): ReadEvent {
  const position = event?.position?.commit ?? link?.position?.commit ?? commitPosition ?? 0n;
  const place = event && parseWireName(event.streamId);
  if (!place) return { position, recorded: undefined };
  const { id, type, data, metadata, created, revision } = event;
  const recorded = {
    id,
    type,
    data,
    metadata: metadataOf(metadata, place.tenant, created),
    stream: place.stream,
    streamPosition: revision,
    globalPosition: position,
  };
  return { position, recorded };
}
