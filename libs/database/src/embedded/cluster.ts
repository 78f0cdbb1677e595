// Makes a data folder's database cluster, once. A half-made one is never used: it is built beside and renamed in.
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import type { Place } from './place.js';
import { run } from './run.js';

export async function ensureCluster(place: Place, password: string, progress: (line: string) => void): Promise<void> {
  const { cluster, version } = place;
  if (existsSync(join(cluster, 'PG_VERSION'))) {
    const found = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
    if (found === version.split('.')[0]) return;
    throw new EmbeddedPostgresError(
      `The database in ${cluster} was made by PostgreSQL ${found}, and this is ${version}. Nothing was changed. ` +
        `Dump it with PostgreSQL ${found} and load it into a new folder, or set CONCORD_DATA to another folder, ` +
        'or DATABASE_URL to a server of your own.',
    );
  }
  if (existsSync(cluster)) {
    throw new EmbeddedPostgresError(
      `${cluster} exists but is no PostgreSQL cluster (it has no PG_VERSION). Nothing was changed. ` +
        'Move it away, or set CONCORD_DATA to another folder.',
    );
  }
  progress(`initialising PostgreSQL ${version} in ${cluster} (once)`);
  removeUnfinished(dirname(cluster));
  const unfinished = `${cluster}.new-${randomBytes(6).toString('hex')}`;
  await initialise(place, unfinished, password);
  renameSync(unfinished, cluster);
  syncFolder(dirname(cluster));
}

async function initialise({ binaries, account }: Place, folder: string, password: string): Promise<void> {
  const passwordFile = `${folder}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
  mkdirSync(folder, { mode: 0o700 });
  if (account) for (const each of [passwordFile, folder]) chownSync(each, account.uid, account.gid);
  try {
    await must(
      // The builtin locale sorts and compares alike on every system.
      run(
        binaries.initdb,
        [
          '-D',
          folder,
          '-U',
          'concord',
          '--pwfile',
          passwordFile,
          '--auth=scram-sha-256',
          '--encoding=UTF8',
          '--locale=C',
          '--locale-provider=builtin',
          '--builtin-locale=C.UTF-8',
          '--no-instructions',
        ],
        account,
      ),
    );
    // Without a server yet, so that a cluster either has its database or is not there.
    await must(
      run(binaries.postgres, ['--single', '-j', '-D', folder, 'postgres'], account, 'CREATE DATABASE concord;\n\n'),
    );
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function must(result: ReturnType<typeof run>): Promise<void> {
  const { code, output } = await result;
  if (code === 0 && !/^.*(ERROR|FATAL|PANIC): /m.test(output)) return;
  throw new EmbeddedPostgresError(
    `PostgreSQL could not be initialised:\n${output.trim()}\nMake room or set CONCORD_DATA to another folder, or DATABASE_URL.`,
  );
}

function removeUnfinished(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('postgres.new-')) continue;
    try {
      rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // An initdb whose keeper was killed still writes there: the next initialisation will remove it.
    }
  }
}

function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  fsyncSync(handle);
  closeSync(handle);
}
