// The events in one file of the archive, for as long as the manifest names it.
import { type Database, loadSql } from '@concord/database';
import type { TenantId } from '@concord/tenancy';
import { type ArchivedEvent, type ArchiveFile, ArchiveUnavailable, type FileArchive } from './file-archive.js';

const IS_NAMED = loadSql(import.meta.url, '../sql/is-archive.sql');

export class ArchivedEvents {
  /** `missing`: what to do when there is no folder. */
  constructor(
    private readonly database: Database,
    private readonly archive: FileArchive | undefined,
    private readonly missing: string,
  ) {}

  /** Undefined when the file has gone, because some of what was in it was scavenged. Errors: ArchiveUnavailable. */
  async of(tenant: TenantId, file: ArchiveFile): Promise<readonly ArchivedEvent[] | undefined> {
    if (!this.archive) throw new ArchiveUnavailable(`events of this range are archived: ${this.missing}`);
    try {
      return await this.archive.events(file);
    } catch (error) {
      const [row] = await this.database.query<{ named: boolean }>(IS_NAMED, [tenant, file.file]);
      if (row?.named) throw error;
      return undefined;
    }
  }
}
