// Cold storage in files: events as JSON lines, compressed, one folder a tenant. A file is complete or absent, and never
// changes; which files count is told by the manifest in the database, not by the folder.
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { ConcordError } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';

/** Archived events are needed and cannot be had: no archive folder is set, or a file is missing or damaged. */
export class ArchiveUnavailable extends ConcordError {
  readonly code = 'archive-unavailable';
}

/** An event as it is archived: payloads as the very text that was stored. */
export interface ArchivedEvent {
  readonly global_position: string;
  readonly stream_name: string;
  readonly stream_position: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly data: string;
  readonly metadata: string;
  readonly recorded_at: string;
}

/** How a file is found again, and known to be the same. */
export interface ArchiveFile {
  readonly file: string;
  readonly sha256: string;
}

const compress = promisify(deflate);
const decompress = promisify(inflate);
// Readers of the feed come back for the next page of the same file.
const KEPT_FILES = 2;

export class FileArchive {
  private readonly read = new Map<string, Promise<readonly ArchivedEvent[]>>();

  constructor(private readonly folder: string) {}

  /** Durable when it resolves. The same events give the same file. `written` is called before it gets its name. */
  async write(
    tenant: TenantId,
    events: readonly ArchivedEvent[],
    written: () => void | Promise<void> = () => undefined,
  ): Promise<ArchiveFile> {
    const content = await compress(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    const sha256 = sha256Of(content);
    const positions = [events[0], events.at(-1)].map((event) => event?.global_position);
    const file = join(folderOf(tenant), `${positions.join('-')}-${sha256.slice(0, 16)}.jsonl.z`);
    const path = join(this.folder, file);
    await mkdir(dirname(path), { recursive: true });
    await writeDurably(`${path}.unfinished`, content);
    await written();
    await rename(`${path}.unfinished`, path);
    for (const folder of [dirname(path), this.folder]) await syncFolder(folder);
    return { file, sha256 };
  }

  /** Errors: ArchiveUnavailable. */
  events(archive: ArchiveFile): Promise<readonly ArchivedEvent[]> {
    const known = this.read.get(archive.file) ?? this.load(archive);
    this.read.delete(archive.file);
    this.read.set(archive.file, known);
    known.catch(() => this.read.delete(archive.file));
    for (const file of [...this.read.keys()].slice(0, -KEPT_FILES)) this.read.delete(file);
    return known;
  }

  /** For good; one that is gone already is as good. */
  async delete(file: string): Promise<void> {
    this.read.delete(file);
    const path = join(this.folder, file);
    await rm(path, { force: true });
    await syncFolder(dirname(path));
  }

  private async load({ file, sha256 }: ArchiveFile): Promise<readonly ArchivedEvent[]> {
    const path = join(this.folder, file);
    const content = await readFile(path).catch((cause: unknown) => {
      throw new ArchiveUnavailable(`the archive ${path} cannot be read: bring the file back`, { file }, { cause });
    });
    if (sha256Of(content) !== sha256) {
      throw new ArchiveUnavailable(`the archive ${path} is damaged: bring back the file with SHA-256 ${sha256}`, {
        file,
      });
    }
    const lines = (await decompress(content)).toString('utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as ArchivedEvent);
  }
}

/** Capitals are marked, so that no file system takes one tenant's folder for another's. */
function folderOf(tenant: TenantId): string {
  return tenant.replace(/[A-Z]/g, (capital) => `%${capital.toLowerCase()}`);
}

function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function writeDurably(path: string, content: Buffer): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (cause) {
    throw new ArchiveUnavailable(`the archive ${basename(path)} cannot be written`, {}, { cause });
  } finally {
    await file.close();
  }
}

/** Without it, a power cut may take the name of a file whose content is there. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
