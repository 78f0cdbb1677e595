// migrations/frozen.sha256: which migrations have landed, in the format of sha256sum. Reviewers see a change of it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MIGRATIONS_FOLDER, readMigrations } from './migration-files.js';

export interface FrozenCheck {
  /** Listed, but the file is gone or differs. */
  readonly broken: string[];
  /** There, but not listed yet. */
  readonly unlisted: string[];
}

export function checkFrozen(folder: string = MIGRATIONS_FOLDER): FrozenCheck {
  const frozen = readFrozen(folder);
  const found = new Map(readMigrations(folder).map(({ file, sha256 }) => [file, sha256]));
  return {
    broken: [...frozen].filter(([file, sha256]) => found.get(file) !== sha256).map(([file]) => file),
    unlisted: [...found.keys()].filter((file) => !frozen.has(file)),
  };
}

/** Lists new migrations. Never changes a line: to alter a migration that has not landed, delete its line first. */
export function freeze(folder: string = MIGRATIONS_FOLDER): string[] {
  const { broken, unlisted } = checkFrozen(folder);
  if (broken.length > 0) {
    throw new Error(
      `Frozen migrations were changed or deleted: ${broken.join(', ')}. Restore them and write a new migration. ` +
        'Only if one has not landed yet: delete its line in migrations/frozen.sha256 and run this again.',
    );
  }
  const added = readMigrations(folder).filter(({ file }) => unlisted.includes(file));
  const lines = [...readFrozen(folder)].map(([file, sha256]) => ({ file, sha256 })).concat(added);
  writeFileSync(listOf(folder), lines.map(({ file, sha256 }) => `${sha256}  ${file}\n`).join(''));
  return unlisted;
}

const listOf = (folder: string): string => join(folder, 'frozen.sha256');

function readFrozen(folder: string): Map<string, string> {
  if (!existsSync(listOf(folder))) return new Map();
  const lines = readFileSync(listOf(folder), 'utf8').split(/\r?\n/).filter((line) => line !== '');
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}
