// The files by which a data folder's keeper and its users find each other.
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

/** Readable by the folder's owner only: who knows the token may hold the server, who gives the proof is the keeper. */
export interface KeeperState {
  readonly pid: number;
  readonly port: number;
  readonly token: string;
  readonly proof: string;
}

/** What the keeper tells a user, one JSON line each. */
export type KeeperMessage = { hello: string } | { progress: string } | { ready: string } | { failed: string };

const statePath = (folder: string): string => join(folder, 'keeper.json');
export const keeperLogPath = (folder: string): string => join(folder, 'keeper.log');

export function readKeeperState(folder: string): KeeperState | undefined {
  try {
    return JSON.parse(readFileSync(statePath(folder), 'utf8')) as KeeperState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') {
      throw new EmbeddedPostgresError(
        `${statePath(folder)} belongs to another user, whose PostgreSQL this is. Run as that user, or set CONCORD_DATA ` +
          'to a folder of your own, or DATABASE_URL to a server.',
      );
    }
    return undefined;
  }
}

export function writeKeeperState(folder: string, state: KeeperState): void {
  writeSecret(statePath(folder), JSON.stringify(state));
}

export function removeKeeperState(folder: string, token: string): void {
  // The folder may have been deleted and made anew under a running keeper: not its successor's file.
  if (readKeeperState(folder)?.token === token) rmSync(statePath(folder), { force: true });
}

export function readOrMakePassword(folder: string): string {
  const path = join(folder, 'password');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    const password = randomBytes(24).toString('hex');
    writeSecret(path, `${password}\n`);
    return password;
  }
}

function writeSecret(path: string, text: string): void {
  const unfinished = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(unfinished, text, { mode: 0o600, flag: 'wx', flush: true });
  renameSync(unfinished, path);
}
