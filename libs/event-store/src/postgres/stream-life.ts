// Metadata, soft delete and tombstone on PostgreSQL. The rules live in migrations/0005_stream_life.sql.
import { type Database, loadSql } from '@concord/database';
import type { GlobalPosition, StreamName } from '@concord/kernel';
import { metadataStreamOf, NO_REVISION } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { AppendResult, Snapshot } from '../requests.js';
import { type MetadataWrite, type StreamDeletion, type StreamMetadataRead, toMetadata } from '../stream-metadata.js';
import { type AppendedRow, toAppendResult } from './rows.js';
import { eventJson, eventText } from './stream-append.js';

const sql = {
  read: loadSql(import.meta.url, 'sql/read-metadata.sql'),
  write: loadSql(import.meta.url, 'sql/write-metadata.sql'),
  delete: loadSql(import.meta.url, 'sql/delete-stream.sql'),
  saveSnapshot: loadSql(import.meta.url, 'sql/save-snapshot.sql'),
  tombstone: loadSql(import.meta.url, 'sql/tombstone-stream.sql'),
};

interface MetadataRow {
  readonly last: { readonly revision: string; readonly data: Record<string, unknown> } | null;
  readonly state: StreamMetadataRead['state'];
}

export class StreamLife {
  constructor(private readonly database: Database) {}

  async read(tenant: TenantId, stream: StreamName): Promise<StreamMetadataRead> {
    const [row] = await this.database.query<MetadataRow>(sql.read, [tenant, stream]);
    return {
      metadata: toMetadata(row?.last?.data ?? {}),
      revision: row?.last ? BigInt(row.last.revision) : NO_REVISION,
      state: row?.state ?? 'active',
    };
  }

  async write(tenant: TenantId, write: MetadataWrite): Promise<AppendResult> {
    const { stream, expected, event, deleting } = write;
    const values = [tenant, stream, expected.toString(), eventJson(eventText(event)), deleting];
    const [row] = await this.database.query<AppendedRow & { stored: unknown }>(sql.write, values);
    if (!row) throw new Error('the store did not answer where it wrote metadata');
    const events = [{ ...event, data: row.stored }];
    return toAppendResult(tenant, { stream: metadataStreamOf(stream), expected, events }, row);
  }

  /** On a connection of its own: a snapshot that cannot be stored spoils no transaction, and one that is rolled back leaves none. */
  async saveSnapshot(tenant: TenantId, stream: StreamName, snapshot: Snapshot): Promise<void> {
    const { version, revision, first, state } = snapshot;
    const values = [tenant, stream, version, revision, first, JSON.stringify(state)];
    const save = async (): Promise<void> => {
      await this.database.queryOutside(sql.saveSnapshot, values);
    };
    const { current } = this.database;
    if (!current) return save();
    current.onCommit(() => void save().catch(warn));
  }

  async remove(tenant: TenantId, deletion: StreamDeletion): Promise<GlobalPosition> {
    const { stream, expected, forGood, id, metadata } = deletion;
    const values = [tenant, stream, expected.toString(), id, JSON.stringify(metadata)];
    const statement = forGood ? sql.tombstone : sql.delete;
    const [row] = await this.database.query<{ position: GlobalPosition }>(statement, values);
    return row?.position ?? 0n;
  }
}

function warn(error: unknown): void {
  process.emitWarning(String(error), 'ConcordSnapshot');
}
