// What Append and BatchAppend share: events as they arrive, and the append itself.
import type { UUID } from '@eventstore/db-client/generated/shared_pb.js';
import type { AppendResult, EventStore, StoredEvents } from '@concord/event-store';
import type { ExpectedVersion, NewEvent, StreamName } from '@concord/kernel';
import type { Access } from '../access/access.js';
import type { User } from '../access/users.js';
import { AppendTooLarge, EventPropertyMissing } from '../grpc/failures.js';
import { uuidTextOf } from '../grpc/identifiers.js';
import { toStored } from './payloads.js';
import { assertWritable } from './system-streams.js';

export interface AppendParts {
  readonly store: EventStore;
  readonly stored: StoredEvents;
  readonly access: Access;
  readonly maxAppendSize: number;
}

/** The messages of Append and of BatchAppend, which are alike. */
export interface ProposedMessage {
  getId(): UUID | undefined;
  getMetadataMap(): { get(key: string): string | undefined };
  getCustomMetadata_asU8(): Uint8Array;
  getData_asU8(): Uint8Array;
}

/** Where an append ended: without `position` nothing was added, because no event was given. */
export interface Appended {
  readonly revision: bigint;
  readonly position?: bigint;
}

/** The events of one append, as they come; refuses at once what is too much. */
export class Proposal {
  readonly events: NewEvent[] = [];
  private size = 0;

  constructor(private readonly maxSize: number) {}

  /** Errors: AppendTooLarge, EventPropertyMissing, InvalidArgument. */
  add(message: ProposedMessage): void {
    const [data, customMetadata] = [message.getData_asU8(), message.getCustomMetadata_asU8()];
    const properties = message.getMetadataMap();
    const [type, contentType] = [properties.get('type'), properties.get('content-type')];
    if (!type || !contentType) throw new EventPropertyMissing();
    this.size += data.length + customMetadata.length + Buffer.byteLength(type);
    if (this.size > this.maxSize) throw new AppendTooLarge(this.maxSize);
    this.events.push({
      id: uuidTextOf(message.getId()),
      type,
      ...toStored(type, { contentType, data, customMetadata }),
    });
  }

  /** It will not be appended: what has come of it need not be kept. */
  forget(): void {
    this.events.length = 0;
  }
}

/** Appends; an append without events only checks what is expected. Errors: those of EventStore.append. */
export async function appendToStream(
  { store, stored, access }: AppendParts,
  user: User,
  stream: string,
  { expected, events }: { expected: ExpectedVersion; events: readonly NewEvent[] },
): Promise<Appended> {
  assertWritable(stream);
  await access.assert(user, 'write', stream);
  if (events.length === 0) return { revision: await stored.endExpected(stream, expected) };
  const results = await store.append({ stream: stream as StreamName, expected, events });
  const [result] = results as [AppendResult];
  return { revision: result.revision, position: result.globalPosition };
}
