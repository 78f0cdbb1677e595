// Opens the PostgreSQL this process uses: the one DATABASE_URL names, else an embedded one that all processes of a
// data folder share.
import { accessSync, chmodSync, constants, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { wholeNumberSetting } from '@concord/kernel';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { Hold } from './hold.js';

/** Where PostgreSQL is, or where it is to keep its data. */
export interface OpenPostgresOptions {
  /** A server of your own; else DATABASE_URL; else embedded. */
  readonly url?: string;
  /** Where the embedded one keeps its data; else CONCORD_DATA; else ./.concord. */
  readonly dataFolder?: string;
  /** Told what takes long, such as the first initialisation. */
  readonly onProgress?: (line: string) => void;
}

/** A running PostgreSQL, for as long as it is held. */
export interface PostgresLease {
  readonly url: string;
  readonly embedded: boolean;
  readonly dataFolder?: string;
  /** The embedded server stops shortly after its last user has released it or ended. */
  release(): Promise<void>;
}

/** Opens the server of `url` or DATABASE_URL, else the embedded one. Errors: EmbeddedPostgresError, InvalidArgument that names the setting. */
export async function openPostgres(options: OpenPostgresOptions = {}): Promise<PostgresLease> {
  const url = options.url ?? process.env['DATABASE_URL'];
  if (url) return { url, embedded: false, release: () => Promise.resolve() };
  return openEmbeddedPostgres(options);
}

/** Embedded even where DATABASE_URL is set: tests must never touch the database that names. */
export async function openEmbeddedPostgres(options: Omit<OpenPostgresOptions, 'url'> = {}): Promise<PostgresLease> {
  refuseOldNode();
  // The keeper reads it, and tells only its log.
  wholeNumberSetting(process.env, 'CONCORD_GRACE_MS', 1_000, LONGEST_GRACE_MS);
  const dataFolder = prepareFolder(options.dataFolder ?? process.env['CONCORD_DATA'] ?? '.concord');
  const hold = new Hold(dataFolder, options.onProgress ?? (() => undefined));
  const url = await hold.take();
  return { url, embedded: true, dataFolder, release: () => hold.release() };
}

const LONGEST_GRACE_MS = 86_400_000;
// The keeper's lock is one of node:sqlite.
const OLDEST_NODE = 22;

function refuseOldNode(): void {
  if (Number.parseInt(process.versions.node, 10) >= OLDEST_NODE) return;
  throw new EmbeddedPostgresError(
    `The embedded PostgreSQL needs Node ${OLDEST_NODE} or later, this is ${process.version}. Start through npm (npm start), ` +
      'which brings Node 24, or set DATABASE_URL to a server of your own.',
  );
}

function prepareFolder(wanted: string): string {
  const folder = resolve(wanted);
  try {
    if (!existsSync(folder)) {
      mkdirSync(folder, { recursive: true });
      // Root's server runs as another user, who has to pass through.
      chmodSync(folder, process.getuid?.() === 0 ? 0o711 : 0o700);
      // It holds passwords and data.
      writeFileSync(join(folder, '.gitignore'), '*\n');
    }
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return realpathSync(folder);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `Cannot use the data folder ${folder} (${cause instanceof Error ? cause.message : String(cause)}). ` +
        'Set CONCORD_DATA to a folder this user may write, or DATABASE_URL to a server of your own.',
      { cause },
    );
  }
}
