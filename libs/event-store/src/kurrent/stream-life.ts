// Metadata, deletion and tombstones of streams: the server's own, under the names it knows them by.
import { CommitUnknown } from '@concord/database';
import {
  type ExpectedVersion,
  type GlobalPosition,
  metadataStreamOf,
  NO_REVISION,
  StreamDeleted,
  type StreamName,
  WrongExpectedVersion,
} from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { JsonText } from '../json-text.js';
import { type StreamDeletion, type StreamMetadataRead, toMetadata, TOMBSTONE_POSITION } from '../stream-metadata.js';
import type { Connection } from './connection.js';
import { isTombstone, isTransient, mayHaveArrived, translateFailure } from './failures.js';
import { wireName } from './wire-events.js';

type Payload = Readonly<Record<string, unknown>>;

const DELETED = Number(TOMBSTONE_POSITION);
const LAST = { backwards: true, limit: 1 };

export class StreamLife {
  constructor(private readonly connection: Connection) {}

  async metadataOf(tenant: TenantId, stream: StreamName): Promise<StreamMetadataRead> {
    const page = await this.connection.readStream(wireName(tenant, metadataStreamOf(stream)), LAST);
    const written = page?.[0]?.recorded;
    const { $tb, ...rest } = (written?.data ?? {}) as Payload;
    const metadata = toMetadata($tb === undefined || $tb === DELETED ? rest : { ...rest, $tb });
    const state = await this.stateOf(tenant, stream, $tb !== undefined);
    return { metadata, revision: written?.streamPosition ?? NO_REVISION, state };
  }

  /** Metadata that delete, as the server's own clients write them: with a number that JavaScript cannot hold. */
  deletingText({ $tb: _tb, ...rest }: Payload): JsonText {
    return new JsonText(JSON.stringify({ ...rest, $tb: 0 }).replace(/0}$/, `${TOMBSTONE_POSITION}}`));
  }

  /** Errors: WrongExpectedVersion, StreamDeleted, CommitUnknown when the answer was lost. */
  async remove(tenant: TenantId, { stream, expected, forGood }: StreamDeletion): Promise<GlobalPosition> {
    const name = wireName(tenant, stream);
    const { deadline } = this.connection;
    const options = { expectedRevision: await this.revisionOf(name, stream, expected), deadline };
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
          throw new WrongExpectedVersion(
            stream,
            expected,
            typeof actualVersion === 'bigint' ? actualVersion : NO_REVISION,
          );
        }
        if (mayHaveArrived(error)) {
          throw new CommitUnknown(`whether "${stream}" was deleted is not known`, {}, { cause: error });
        }
        if (isOver || !isTransient(error)) throw translateFailure(error);
      },
    );
  }

  // A truncated stream that is not found was deleted, or never had an event: servers do not say which.
  private async stateOf(
    tenant: TenantId,
    stream: StreamName,
    isTruncated: boolean,
  ): Promise<StreamMetadataRead['state']> {
    try {
      const shown = await this.connection.readStream(wireName(tenant, stream), LAST);
      return isTruncated && shown === undefined ? 'deleted' : 'active';
    } catch (error) {
      if (error instanceof StreamDeleted) return 'tombstoned';
      throw error;
    }
  }

  /** The client sends nonsense for 'stream-exists': the end that is there is expected instead. */
  private async revisionOf(
    name: string,
    stream: StreamName,
    expected: ExpectedVersion,
  ): Promise<bigint | 'any' | 'no_stream'> {
    if (expected === 'no-stream') return 'no_stream';
    if (expected !== 'stream-exists') return expected;
    const page = await this.connection.readStream(name, LAST);
    const last = page?.[0]?.recorded;
    if (last) return last.streamPosition;
    throw new WrongExpectedVersion(stream, expected, NO_REVISION);
  }
}
