// What a stream's metadata say, and the form in which they are stored: that of EventStoreDB, so that its clients read and
// write the same.
import { assertExactJson, type EventMetadata, type ExpectedVersion, InvalidArgument } from '@concord/kernel';
import type { NewEvent, StreamName, StreamPosition } from '@concord/kernel';
import { prepareEvent } from './append.js';

/** Who may do what with a stream: names of users and groups. For servers that know users; the store keeps them only. */
export interface StreamAcl {
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly delete?: readonly string[];
  readonly metadataRead?: readonly string[];
  readonly metadataWrite?: readonly string[];
}

/** What a stream keeps, for whom, and whatever else one wants to say of it. */
export interface StreamMetadata {
  /** Show the last so many events only. */
  readonly maxCount?: number;
  /** Show events of the last so many seconds only: of a thousand years at most. */
  readonly maxAge?: number;
  /** Show nothing before this position; 2n ** 63n - 1n deletes the stream softly. */
  readonly truncateBefore?: StreamPosition;
  /** For how many seconds readers may cache its head. */
  readonly cacheControl?: number;
  readonly acl?: StreamAcl;
  readonly custom?: Readonly<Record<string, unknown>>;
}

/** `deleted`: softly, an append brings it back. `tombstoned`: for good. A stream that never was is `active`. */
export interface StreamMetadataRead {
  readonly metadata: StreamMetadata;
  /** Of the metadata, not of the stream. */
  readonly revision: StreamPosition;
  readonly state: 'active' | 'deleted' | 'tombstoned';
}

/** Checked metadata, ready to be appended to their stream. */
export interface MetadataWrite {
  readonly stream: StreamName;
  readonly expected: ExpectedVersion;
  readonly event: Required<NewEvent>;
  /** Whether they delete the stream softly. */
  readonly deleting: boolean;
}

export interface StreamDeletion {
  readonly stream: StreamName;
  readonly expected: ExpectedVersion;
  readonly forGood: boolean;
  /** Of the event that says so. */
  readonly id: string;
  readonly metadata: EventMetadata;
}

export const METADATA_EVENT = '$metadata';
export const TOMBSTONE_EVENT = '$streamDeleted';
export const TOMBSTONE_POSITION: StreamPosition = 2n ** 63n - 1n;

/** In seconds. Longer ones lead beyond PostgreSQL's calendar; see also concord.first_kept. */
const MAX_AGE = 1000 * 365 * 24 * 3600;

const NUMBERS = { maxCount: '$maxCount', maxAge: '$maxAge', cacheControl: '$cacheControl' } as const;
export const TRUNCATE_BEFORE = '$tb';
const ACL = '$acl';
const RIGHTS = { read: '$r', write: '$w', delete: '$d', metadataRead: '$mr', metadataWrite: '$mw' } as const;
const KEYS: ReadonlySet<string> = new Set([...Object.values(NUMBERS), TRUNCATE_BEFORE, ACL]);

/** Errors: InvalidArgument that names the key. */
export function prepareMetadata(metadata: StreamMetadata, id: string): Pick<MetadataWrite, 'event' | 'deleting'> {
  const data = toPayload(metadata);
  const deleting = metadata.truncateBefore === TOMBSTONE_POSITION;
  return { event: prepareEvent({ id, type: METADATA_EVENT, data }), deleting };
}

function toPayload(metadata: StreamMetadata): Record<string, unknown> {
  const payload: Record<string, unknown> = {};
  for (const [name, key] of entries(NUMBERS)) {
    const value = metadata[name];
    if (value === undefined) continue;
    assertNumber(name, value);
    payload[key] = value;
  }
  if (metadata.truncateBefore !== undefined) payload[TRUNCATE_BEFORE] = truncation(metadata.truncateBefore);
  if (metadata.acl) payload[ACL] = aclPayload(metadata.acl);
  for (const [key, value] of Object.entries(metadata.custom ?? {})) {
    if (KEYS.has(key)) throw new InvalidArgument(`"${key}" is no custom key: the store gives it a meaning`);
    payload[key] = value;
  }
  assertExactJson(payload, '$metadata');
  return payload;
}

function assertNumber(name: keyof typeof NUMBERS, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgument(`${name} is a whole number above 0`);
  if (name === 'maxAge' && value > MAX_AGE) {
    throw new InvalidArgument(
      `maxAge is ${MAX_AGE} seconds, a thousand years, at most: leave it out to keep events for ever`,
    );
  }
}

/** A deletion is stored with the end of the stream, which only the store knows. */
function truncation(position: StreamPosition): number {
  if (position === TOMBSTONE_POSITION) return 0;
  if (position < 0n || position > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new InvalidArgument('truncateBefore is a stream position, or 2n ** 63n - 1n to delete');
  }
  return Number(position);
}

function aclPayload(acl: StreamAcl): Record<string, readonly string[]> {
  const payload: Record<string, readonly string[]> = {};
  for (const [name, key] of entries(RIGHTS)) {
    const names = acl[name];
    if (names) payload[key] = [...names];
  }
  return payload;
}

/** From what is stored; EventStoreDB's clients write a single name without brackets. */
export function toMetadata(payload: Readonly<Record<string, unknown>>): StreamMetadata {
  const custom = Object.entries(payload).filter(([key]) => !KEYS.has(key));
  const truncateBefore = payload[TRUNCATE_BEFORE];
  const acl = payload[ACL] as Record<string, string | string[]> | undefined;
  return {
    ...Object.fromEntries(entries(NUMBERS).flatMap(([name, key]) => (key in payload ? [[name, payload[key]]] : []))),
    ...(typeof truncateBefore === 'number' && { truncateBefore: BigInt(truncateBefore) }),
    ...(acl && {
      acl: Object.fromEntries(
        entries(RIGHTS).flatMap(([name, key]) => (acl[key] === undefined ? [] : [[name, [acl[key]].flat()]])),
      ),
    }),
    ...(custom.length > 0 && { custom: Object.fromEntries(custom) }),
  };
}

function entries<Name extends string, Key>(names: Readonly<Record<Name, Key>>): [Name, Key][] {
  return Object.entries(names) as [Name, Key][];
}
