// One keeper per data folder. SQLite's is the one file lock among Node's builtins, and the kernel releases it when its
// holder dies, however it dies.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;
const PATIENCE_MS = 1_000;

export class FolderLock {
  private readonly path: string;
  private readonly inode: number;
  /** Held by reference: were it garbage, its collection would release the lock. */
  readonly database: DatabaseSync;

  private constructor(path: string, database: DatabaseSync) {
    this.path = path;
    this.inode = statSync(path).ino;
    this.database = database;
  }

  /** undefined when there is a keeper already. */
  static take(folder: string): FolderLock | undefined {
    const path = join(folder, 'keeper.lock');
    const database = new DatabaseSync(path, { timeout: PATIENCE_MS });
    try {
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    } catch (error) {
      if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
      throw error;
    }
    return new FolderLock(path, database);
  }

  /** False when the folder was deleted under us: another keeper may have the one that is there now. */
  get holds(): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.ino === this.inode;
  }
}
