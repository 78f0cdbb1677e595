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
  const parts = JSON.stringify(partsOf(events));
  await database.query(sql.record, [tenant, file, sha256, events.length, first, last, parts]);
}

interface Part {
  readonly stream: string;
  readonly first: string;
  last: string;
  readonly recorded: string[];
}

/** Of each stream: where its part begins and ends, and when its events were recorded. */
function partsOf(events: readonly ArchivedEvent[]): Part[] {
  const parts = new Map<string, Part>();
  for (const { stream_name: stream, stream_position: position, recorded_at } of events) {
    const part = parts.get(stream) ?? { stream, first: position, last: position, recorded: [] };
    part.last = position;
    part.recorded.push(recorded_at);
    parts.set(stream, part);
  }
  return [...parts.values()];
}
