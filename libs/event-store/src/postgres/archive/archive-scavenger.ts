// Takes out of archive files what streams show no more: what is left of a file is written to another one, and the file is
// deleted. The new file is durable before the transaction commits that names it, and the old one is noted in that
// transaction as to be deleted: whatever dies when, every event that is left is in a file that the manifest names, and the
// next run deletes what this one could not.
import { type Database, loadSql } from '@concord/database';
import type { StreamPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { type ArchivedEvent, type ArchiveFile, ArchiveUnavailable, type FileArchive } from './file-archive.js';
import { recordArchive } from './record-archive.js';

const sql = {
  lock: loadSql(import.meta.url, '../sql/lock-maintenance.sql'),
  find: loadSql(import.meta.url, '../sql/find-hidden-archive.sql'),
  hidden: loadSql(import.meta.url, '../sql/hidden-in-archive.sql'),
  note: loadSql(import.meta.url, '../sql/note-scavenged.sql'),
  drop: loadSql(import.meta.url, '../sql/drop-archive.sql'),
  dropped: loadSql(import.meta.url, '../sql/dropped-archives.sql'),
  forget: loadSql(import.meta.url, '../sql/forget-dropped-archive.sql'),
};

type Archive = ArchiveFile & { readonly archive_id: bigint };

export class ArchiveScavenger {
  constructor(
    private readonly database: Database,
    private readonly archive: FileArchive | undefined,
  ) {}

  /** Answers how many events were removed. Errors: ArchiveUnavailable. */
  async run(tenant: TenantId): Promise<number> {
    let total = 0;
    for (;;) {
      const removed = await this.database.transaction((transaction) => {
        transaction.bePatient();
        return this.cutOne(tenant);
      });
      await this.deleteDropped(tenant);
      if (removed === 0) return total;
      total += removed;
    }
  }

  private async cutOne(tenant: TenantId): Promise<number> {
    await this.database.query(sql.lock, [tenant]);
    const [found] = await this.database.query<Archive>(sql.find, [tenant]);
    if (!found) return 0;
    const archive = this.folder();
    const kept = await this.keptBefore(tenant, found);
    const events = await archive.events(found);
    const left = events.filter((event) => BigInt(event.stream_position) >= (kept.get(event.stream_name) ?? 0n));
    await this.database.query(sql.note, [tenant, [...kept.keys()], [...kept.values()]]);
    await this.database.query(sql.drop, [tenant, found.archive_id]);
    if (left.length > 0) await this.rewrite(archive, tenant, left);
    return events.length - left.length;
  }

  private async rewrite(archive: FileArchive, tenant: TenantId, events: readonly ArchivedEvent[]): Promise<void> {
    await recordArchive(this.database, tenant, { ...(await archive.write(tenant, events)), events });
  }

  private async keptBefore(tenant: TenantId, { archive_id }: Archive): Promise<Map<string, StreamPosition>> {
    type Row = { readonly stream_name: string; readonly before: StreamPosition };
    const rows = await this.database.query<Row>(sql.hidden, [tenant, archive_id]);
    return new Map(rows.map((row) => [row.stream_name, row.before]));
  }

  private async deleteDropped(tenant: TenantId): Promise<void> {
    // Within a transaction it is not settled yet that the file goes: the next run deletes it.
    if (this.database.current) return;
    for (const { file } of await this.database.query<{ file: string }>(sql.dropped, [tenant])) {
      await this.folder().delete(file);
      await this.database.query(sql.forget, [tenant, file]);
    }
  }

  private folder(): FileArchive {
    if (this.archive) return this.archive;
    throw new ArchiveUnavailable('some of what is to be removed is archived: give the store its archive folder');
  }
}
