// Databases for the length of one command.
import { type Database, openDatabase, type OpenDatabase } from '@concord/database';

// A look from time to time, beside the app's own connections.
const CONNECTIONS = 2;

/** The one of DATABASE_URL, or the embedded one; or `which`: a URL, or the name of another one on the same server. */
export function withDatabase<T>(which: string | undefined, work: (database: Database) => Promise<T>): Promise<T> {
  return withDatabases([which], ([database]) => work(database as Database));
}

/** Several, in their order. */
export async function withDatabases<T>(
  which: readonly (string | undefined)[],
  work: (databases: readonly Database[]) => Promise<T>,
): Promise<T> {
  const opened: OpenDatabase[] = [];
  try {
    for (const one of which) opened.push(await open(one));
    return await work(opened.map(({ database }) => database));
  } finally {
    for (const one of opened) await one.close();
  }
}

function open(which: string | undefined): Promise<OpenDatabase> {
  return openDatabase({
    poolSize: CONNECTIONS,
    onProgress: (line) => process.stderr.write(`${line}\n`),
    ...(which?.includes('://') && { url: which }),
    ...(which !== undefined && !which.includes('://') && { named: { name: which } }),
  });
}
