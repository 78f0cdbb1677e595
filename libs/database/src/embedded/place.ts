// Decides where a data folder's cluster lies and which account runs it. PostgreSQL refuses to run as root, so root
// lends it to another user, who may be unable to reach a checkout below /root.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { PostgresBinaries } from './binaries.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { type Account, run } from './run.js';

const SHARED = '/var/lib/concord';

export interface Place {
  readonly dataFolder: string;
  readonly cluster: string;
  readonly binaries: PostgresBinaries;
  readonly account: Account;
  readonly version: string;
}

export async function choosePlace(
  dataFolder: string,
  binaries: PostgresBinaries,
  progress: (line: string) => void,
): Promise<Place> {
  const cluster = clusterOf(dataFolder);
  const account = process.getuid?.() === 0 ? serverAccount(cluster) : undefined;
  let place: Place = { dataFolder, cluster, binaries, account, version: '' };
  if (account) {
    if (!(await canEnter(dirname(cluster), account))) place = moveCluster(place, progress);
    if ((await run(binaries.postgres, ['--version'], account)).code !== 0) place = copyBinaries(place, progress);
  }
  const { code, output } = await run(place.binaries.postgres, ['--version'], account);
  if (code !== 0) {
    throw new EmbeddedPostgresError(
      `PostgreSQL's program does not run here: ${output.trim()} (${place.binaries.postgres}). ` +
        'Run npm install again, or set DATABASE_URL to a PostgreSQL of your own.',
    );
  }
  return { ...place, version: /(\d+)(\.\d+)?/.exec(output)?.[0] ?? '' };
}

function serverAccount(cluster: string): Account {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const owner = existsSync(cluster) ? statSync(cluster).uid : 0;
  // An existing cluster keeps its owner: root may open the folder of somebody who runs without root.
  const user =
    users.find((fields) => owner !== 0 && Number(fields[2]) === owner) ??
    users.find((fields) => fields[0] === 'postgres') ??
    users.find((fields) => fields[0] === 'nobody');
  if (!user) {
    throw new EmbeddedPostgresError(
      'PostgreSQL does not run as root, and /etc/passwd has neither a user postgres nor nobody. ' +
        'Run as an ordinary user, add one of them, or set DATABASE_URL.',
    );
  }
  return { name: user[0] ?? '', uid: Number(user[2]) >>> 0, gid: Number(user[3]) >>> 0 };
}

async function canEnter(folder: string, account: Account): Promise<boolean> {
  return (await run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], account)).code === 0;
}

export function clusterOf(dataFolder: string): string {
  const note = join(dataFolder, 'location.txt');
  if (!existsSync(note)) return join(dataFolder, 'postgres');
  const [cluster = '', owner = ''] = readFileSync(note, 'utf8').split('\n');
  if (owner === dataFolder && existsSync(dirname(cluster))) return cluster;
  throw new EmbeddedPostgresError(
    `${note} says that the database of ${owner} is in ${cluster}, but this folder is ${dataFolder}` +
      `${existsSync(dirname(cluster)) ? '' : ', and that place is gone'}. If the folder was moved, write its new ` +
      'path into the second line; to start with an empty database, delete the data folder or set CONCORD_DATA.',
  );
}

function moveCluster(place: Place, progress: (line: string) => void): Place {
  if (existsSync(place.cluster)) {
    throw new EmbeddedPostgresError(
      `The user ${place.account?.name ?? ''} can no longer reach the database in ${place.cluster}. ` +
        'Give the folders above it the permission x for others again (chmod o+x), or set DATABASE_URL.',
    );
  }
  const home = join(SHARED, randomBytes(6).toString('hex'));
  makeFolder(home);
  const cluster = join(home, 'postgres');
  const note = join(place.dataFolder, 'location.txt');
  writeFileSync(
    note,
    `${cluster}\n${place.dataFolder}\n\nLine 1 is where the database of the data folder in line 2 is: ` +
      `the user ${place.account?.name ?? ''}, who runs PostgreSQL for root, cannot reach this folder.\n`,
  );
  progress(
    `user ${place.account?.name ?? ''} cannot reach ${place.dataFolder}: the database is in ${cluster} (${note})`,
  );
  return { ...place, cluster };
}

function copyBinaries(place: Place, progress: (line: string) => void): Place {
  const native = dirname(dirname(place.binaries.postgres));
  const version = (JSON.parse(readFileSync(join(dirname(native), 'package.json'), 'utf8')) as { version: string })
    .version;
  const copy = join(SHARED, `postgresql-${version}`);
  if (!existsSync(copy)) {
    progress(
      `user ${place.account?.name ?? ''} cannot reach ${native}: copying PostgreSQL's programs to ${copy} (once)`,
    );
    const unfinished = `${copy}.${randomBytes(6).toString('hex')}`;
    makeFolder(SHARED);
    // The static libraries are for compilers only.
    cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true, filter: (file) => !file.endsWith('.a') });
    try {
      renameSync(unfinished, copy);
    } catch (error) {
      rmSync(unfinished, { recursive: true });
      if (!existsSync(copy)) throw error; // Else the keeper of another folder was faster.
    }
  }
  const at = (file: string): string => join(copy, 'bin', basename(file));
  const { initdb, pg_ctl, postgres } = place.binaries;
  return { ...place, binaries: { initdb: at(initdb), pg_ctl: at(pg_ctl), postgres: at(postgres) } };
}

function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const each of [SHARED, folder]) {
    chmodSync(each, 0o755);
    chownSync(each, 0, 0);
  }
}
