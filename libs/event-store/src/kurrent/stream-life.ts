// Metadata, deletion and tombstones of streams: the server's own, under the names it knows them by.
import { CommitUnknown } from '@concord/database';
import {
  type ExpectedVersion,
  type GlobalPosition,
  metadataStreamOf,
  StreamDeleted,
  type StreamName,
  WrongExpectedVersion,
} from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { type StreamDeletion, type StreamMetadataRead, toMetadata, TOMBSTONE_POSITION } from '../stream-metadata.js';
import type { Connection } from './connection.js';
import { isTombstone, isTransient, mayHaveArrived, translateFailure } from './failures.js';
import { wireName } from './wire-events.js';

const DELETED = Number(TOMBSTONE_POSITION);
const REVISIONS = { any: 'any', 'no-stream': 'no_stream', 'stream-exists': 'stream_exists' } as const;

export class StreamLife {
  constructor(private readonly connection: Connection) {}

  async metadataOf(tenant: TenantId, stream: StreamName): Promise<StreamMetadataRead> {
    const last = { backwards: true, limit: 1 };
    const [written] = (await this.connection.readStream(wireName(tenant, metadataStreamOf(stream)), last)) ?? [];
    const payload = (written?.recorded?.data ?? {}) as Readonly<Record<string, unknown>>;
    const revision = written?.recorded?.streamPosition ?? -1n;
    if (await this.isTombstoned(tenant, stream))
      return { metadata: toMetadata(payload), revision, state: 'tombstoned' };
    const { $tb, ...rest } = payload;
    if ($tb === DELETED) return { metadata: toMetadata(rest), revision, state: 'deleted' };
    return { metadata: toMetadata(payload), revision, state: 'active' };
  }

  /** Errors: WrongExpectedVersion, StreamDeleted, CommitUnknown when the answer was lost. */
  remove(tenant: TenantId, { stream, expected, forGood }: StreamDeletion): Promise<GlobalPosition> {
    const name = wireName(tenant, stream);
    // The client's type leaves out one that its code knows.
    const options = { expectedRevision: revisionOf(expected) as 'any', deadline: this.connection.deadline };
    return this.connection.again(
      async ({ client }) => {
        const { position } = await (forGood
          ? client.tombstoneStream(name, options)
          : client.deleteStream(name, options));
        return position?.commit ?? 0n;
      },
      (error, isOver) => {
        if (isTombstone(error)) throw new StreamDeleted(stream);
        const { type, actualVersion } = error as { type?: string; actualVersion?: unknown };
        if (type === 'wrong-expected-version') {
          throw new WrongExpectedVersion(stream, expected, typeof actualVersion === 'bigint' ? actualVersion : -1n);
        }
        if (mayHaveArrived(error)) {
          throw new CommitUnknown(`whether "${stream}" was deleted is not known`, {}, { cause: error });
        }
        if (isOver || !isTransient(error)) throw translateFailure(error);
      },
    );
  }

  private async isTombstoned(tenant: TenantId, stream: StreamName): Promise<boolean> {
    try {
      await this.connection.readStream(wireName(tenant, stream), { backwards: true, limit: 1 });
      return false;
    } catch (error) {
      if (error instanceof StreamDeleted) return true;
      throw error;
    }
  }
}

function revisionOf(expected: ExpectedVersion): bigint | 'any' | 'no_stream' | 'stream_exists' {
  return typeof expected === 'bigint' ? expected : REVISIONS[expected];
}
