// Reads the numbered .sql files of a migrations folder. Knows no database.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MigrationFolderInvalid } from './migration-errors.js';

/** A numbered .sql file. */
export interface MigrationFile {
  /** `0001_event_store` */
  readonly name: string;
  /** `0001_event_store.sql` */
  readonly file: string;
  readonly number: number;
  readonly sql: string;
  readonly sha256: string;
}

/** The repository's migrations/; the build copies them to the same place beside its own libs/. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../../../migrations', import.meta.url));

/** All migrations of a folder, in order. Errors: MigrationFolderInvalid. */
export function readMigrations(folder: string = MIGRATIONS_FOLDER): MigrationFile[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql')).sort();
  const migrations = files.map((file) => readMigration(folder, file));
  for (const [index, { file, number }] of migrations.entries()) {
    const before = migrations[index - 1];
    if (before?.number === number) {
      throw new MigrationFolderInvalid(`${before.file} and ${file} have the same number: give the later one the next number.`);
    }
  }
  return migrations;
}

function readMigration(folder: string, file: string): MigrationFile {
  const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1] ?? 0);
  if (number === 0) {
    throw new MigrationFolderInvalid(
      `${join(folder, file)} is not named like a migration: NNNN_name.sql, four digits from 0001, then lower case with underscores.`,
    );
  }
  // Git may check files out with CRLF on Windows: the same migration all the same.
  const sql = readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n');
  return { name: file.slice(0, -'.sql'.length), file, number, sql, sha256: sha256(sql) };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
