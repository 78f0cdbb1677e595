// What clients send and what the store keeps. JSON is kept as JSON, so that domain code reads it; what JSON or the store
// would change is kept beside it or as bytes, so that every client gets back just what was sent.
import { JsonText, type StoredEvent } from '@concord/event-store';
import { assertExactJson, type EventMetadata, InvalidArgument } from '@concord/kernel';
import { isTracing } from '@concord/telemetry';

/** An event as it travels. */
export interface Payload {
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly customMetadata: Uint8Array;
}

/** The type of events that stand for another one, which their data name. */
export const LINK = '$>';
export const LINK_PLACE = /^(\d{1,18})@(.+)$/su;

/** Kept in the metadata under ENVELOPE, where there is something to tell. */
interface Envelope {
  /** The data are a JSON string: the bytes in base64. */
  readonly base64?: true;
  /** The data are a JSON string: the bytes as text. So are links, which domain code reads too. */
  readonly text?: true;
  /** What clients called the bytes. */
  readonly contentType?: string;
  /** White space before and after JSON data. */
  readonly space?: readonly [string, string];
  /** The custom metadata as text; or, where they are no text, in base64. */
  readonly metadata?: string;
  readonly metadataBase64?: string;
}

const ENVELOPE = '$concord';
const JSON_TYPE = 'application/json';
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What the store is to keep of an event. */
export function toStored(
  type: string,
  { contentType, data, customMetadata }: Payload,
): { data: unknown; metadata: EventMetadata } {
  const kept =
    (type === LINK && keepLink(data, contentType)) ||
    (contentType === JSON_TYPE && keepJson(data)) ||
    keepBytes(data, contentType);
  const custom = keepMetadata(customMetadata);
  const envelope: Envelope = { ...kept.envelope, ...custom.envelope };
  const metadata = Object.keys(envelope).length === 0 ? custom.metadata : { ...custom.metadata, [ENVELOPE]: envelope };
  return { data: kept.data, metadata };
}

/** What was sent. Events of domain code have JSON data, and their metadata as custom metadata. */
export function toPayload({ data, metadata }: Pick<StoredEvent, 'data' | 'metadata'>): Payload {
  const { [ENVELOPE]: envelope = {}, ...custom } = JSON.parse(metadata) as Record<string, unknown> & {
    [ENVELOPE]?: Envelope;
  };
  const contentType = envelope.contentType ?? JSON_TYPE;
  const [before, after] = envelope.space ?? ['', ''];
  const bytes =
    envelope.base64 || envelope.text
      ? Buffer.from(JSON.parse(data) as string, envelope.base64 ? 'base64' : 'utf8')
      : Buffer.from(before + data + after);
  return { contentType, data: bytes, customMetadata: customMetadataOf(envelope, custom) };
}

type Kept = { readonly data: unknown; readonly envelope: Envelope };

function keepJson(bytes: Uint8Array): Kept | undefined {
  const text = textOf(bytes);
  const trimmed = text?.trim();
  if (text === undefined || trimmed === undefined) return undefined;
  const data = jsonOf(trimmed);
  if (data === undefined) return undefined;
  const start = text.indexOf(trimmed);
  const [before, after] = [text.slice(0, start), text.slice(start + trimmed.length)];
  return { data, envelope: before + after === '' ? {} : { space: [before, after] } };
}

/** A value that is kept to the byte; undefined when there is no such value. */
function jsonOf(text: string): unknown {
  try {
    // A string within an append of several events is written anew by PostgreSQL, so only the plain form stays as it is;
    // null within it would be no data at all.
    if (!text.startsWith('"')) return text === 'null' ? undefined : new JsonText(text);
    const value: unknown = JSON.parse(text);
    assertExactJson(value);
    return JSON.stringify(value) === text ? value : undefined;
  } catch (error) {
    if (error instanceof InvalidArgument || error instanceof SyntaxError || error instanceof RangeError)
      return undefined;
    throw error;
  }
}

function keepLink(bytes: Uint8Array, contentType: string): Kept | undefined {
  const text = textOf(bytes);
  if (text === undefined || text.includes('\u0000') || !LINK_PLACE.test(text)) return undefined;
  return { data: text, envelope: { text: true, contentType } };
}

function keepBytes(bytes: Uint8Array, contentType: string): Kept {
  return { data: Buffer.from(bytes).toString('base64'), envelope: { base64: true, contentType } };
}

function keepMetadata(bytes: Uint8Array): { metadata: EventMetadata; envelope: Envelope } {
  if (bytes.length === 0) return { metadata: {}, envelope: isAddedTo({}) ? { metadata: '' } : {} };
  const text = textOf(bytes);
  if (text === undefined || text.includes('\u0000')) {
    return { metadata: {}, envelope: { metadataBase64: Buffer.from(bytes).toString('base64') } };
  }
  const metadata = objectOf(text) ?? {};
  const asRead = JSON.stringify(inStoredOrder(metadata));
  const isKept = asRead === text && asRead !== '{}' && !isAddedTo(metadata);
  return { metadata, envelope: isKept ? {} : { metadata: text } };
}

/** Whether the store adds where the event was appended: what was sent is then kept beside it. */
function isAddedTo(metadata: EventMetadata): boolean {
  return isTracing() && !('traceparent' in metadata);
}

function customMetadataOf(envelope: Envelope, custom: Record<string, unknown>): Uint8Array {
  if (envelope.metadataBase64 !== undefined) return Buffer.from(envelope.metadataBase64, 'base64');
  if (envelope.metadata !== undefined) return Buffer.from(envelope.metadata);
  return Object.keys(custom).length === 0 ? new Uint8Array() : Buffer.from(JSON.stringify(custom));
}

/** The metadata that domain code may read; undefined when it is none. */
function objectOf(text: string): EventMetadata | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value) || ENVELOPE in value) return undefined;
    assertExactJson(value);
    return value as EventMetadata;
  } catch {
    return undefined;
  }
}

/** The order in which jsonb gives back keys: by length in bytes, then by bytes. */
function inStoredOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inStoredOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [Buffer.from(key), inStoredOrder(item)] as const);
  entries.sort(([a], [b]) => a.length - b.length || Buffer.compare(a, b));
  return Object.fromEntries(entries.map(([key, item]) => [key.toString(), item]));
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
