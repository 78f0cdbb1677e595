// Enters a file into the manifest, and which part of which stream is in it.
import { type Database, loadSql } from '@concord/database';
import type { TenantId } from '@concord/tenancy';
import type { ArchivedEvent, ArchiveFile } from './file-archive.js';

const sql = { record: loadSql(import.meta.url, '../sql/record-archive.sql') };

/** `events` is what the file holds, in the order of the feed. */
export async function recordArchive(
  database: Database,
  tenant: TenantId,
  { file, sha256, events }: ArchiveFile & { readonly events: readonly ArchivedEvent[] },
): Promise<void> {
  const [first, last] = [events[0], events.at(-1)].map((event) => event?.global_position);
  const ranges = JSON.stringify(rangesOf(events));
  await database.query(sql.record, [tenant, file, sha256, events.length, first, last, ranges]);
}

/** Of each stream: where its part begins and ends. */
function rangesOf(events: readonly ArchivedEvent[]): { stream: string; first: string; last: string }[] {
  const ranges = new Map<string, { stream: string; first: string; last: string }>();
  for (const { stream_name: stream, stream_position: last } of events) {
    ranges.set(stream, { stream, first: ranges.get(stream)?.first ?? last, last });
  }
  return [...ranges.values()];
}
