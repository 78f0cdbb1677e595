// Statements live in .sql files beside the code that runs them.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Statement } from './database.js';

/** Reads a .sql file next to the calling module as a named, prepared statement: `loadSql(import.meta.url, 'sql/x.sql')`. */
export function loadSql(moduleUrl: string, file: string): Required<Statement> {
  const path = fileURLToPath(new URL(file, moduleUrl));
  return { name: `concord:${basename(path, '.sql')}`, text: readFileSync(path, 'utf8') };
}
