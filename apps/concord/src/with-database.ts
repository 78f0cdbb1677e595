// The database for the length of one command.
import { type Database, openDatabase } from '@concord/database';

// A look from time to time, beside the app's own connections.
const CONNECTIONS = 2;

export async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const opened = await openDatabase({
    poolSize: CONNECTIONS,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  try {
    return await work(opened.database);
  } finally {
    await opened.close();
  }
}
