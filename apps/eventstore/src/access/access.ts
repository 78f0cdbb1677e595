// Who may do what with a stream: its ACL (`$acl` of its metadata), and where that says nothing, the defaults of EventStoreDB:
// streams are for everybody, system streams (`$...`, and `$all`) for administrators.
import type { EventStore, StreamAcl } from '@concord/event-store';
import { ConcordError, type StreamName } from '@concord/kernel';
import { ADMINS, ALL, OPERATORS, type User } from './users.js';

export type Right = keyof StreamAcl;

/** The user may not do this. */
export class AccessDenied extends ConcordError {
  readonly code = 'access-denied';

  constructor(user: string, right: string) {
    super(`user "${user}" has not the right ${right}: an administrator can give it`);
  }
}

const METADATA = '$$';
const OF_METADATA: Partial<Record<Right, Right>> = { read: 'metadataRead', write: 'metadataWrite' };
const FEED = '$all';

export class Access {
  constructor(private readonly store: EventStore) {}

  /** What is done to a metadata stream is done to the metadata of its stream. Errors: AccessDenied. */
  async assert(user: User, right: Right, stream: string = FEED): Promise<void> {
    const { owner, needed } = neededFor(right, stream);
    if (!(await this.has(user, needed, owner))) throw new AccessDenied(user.name, `"${needed}" on stream "${owner}"`);
  }

  /** For what is about no stream in particular. Errors: AccessDenied. */
  assertOperator(user: User): void {
    if (user.roles.has(ADMINS) || user.roles.has(OPERATORS)) return;
    throw new AccessDenied(user.name, `of the group "${OPERATORS}"`);
  }

  /** Whether the user may read the stream. */
  async mayRead(user: User, stream: string): Promise<boolean> {
    const { owner, needed } = neededFor('read', stream);
    return this.has(user, needed, owner);
  }

  private async has(user: User, right: Right, stream: string): Promise<boolean> {
    if (user.roles.has(ADMINS)) return true;
    const { metadata } = await this.store.readStreamMetadata(stream as StreamName);
    const allowed = metadata.acl?.[right] ?? [stream.startsWith('$') ? ADMINS : ALL];
    return allowed.some((role) => user.roles.has(role));
  }
}

function neededFor(right: Right, stream: string): { readonly owner: string; readonly needed: Right } {
  if (!stream.startsWith(METADATA)) return { owner: stream, needed: right };
  return { owner: stream.slice(METADATA.length), needed: OF_METADATA[right] ?? right };
}
