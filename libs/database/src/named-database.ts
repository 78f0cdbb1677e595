// Another database of a server, by its name.
import pg from 'pg';
import { InvalidArgument } from '@concord/kernel';

/** Which one, on the server of `url` (or of DATABASE_URL, or the embedded one). */
export interface NamedDatabase {
  /** Lower-case letters, digits and underscores. */
  readonly name: string;
  /** Makes it where it is not there, which takes the right to do so; else that is an error of the server's. */
  readonly create?: boolean;
}

const NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/** Its URL. Errors: InvalidArgument, and what the server refuses. */
export async function urlOfNamed(server: string, { name, create = false }: NamedDatabase): Promise<string> {
  if (!NAME.test(name)) {
    throw new InvalidArgument(
      `"${name}" is no name of a database: it has 1 to 63 lower-case letters, digits and underscores`,
    );
  }
  if (create) await createUnlessThere(server, name);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function createUnlessThere(server: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    const isThere = async (): Promise<boolean> =>
      (await client.query('select from pg_database where datname = $1', [name])).rowCount === 1;
    if (await isThere()) return;
    // Another process may be faster.
    await client.query(`create database ${name}`).catch(async (error: unknown) => {
      if (!(await isThere())) throw error;
    });
  } finally {
    await client.end();
  }
}
