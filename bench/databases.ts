// Fresh databases for the contenders, on one server, and none left behind.
import pg from 'pg';

const PREFIX = 'concord_bench_';

/** Drops what killed runs left behind: their process ids are in the names. For a server on this machine only. */
export async function dropLeftovers(server: string): Promise<void> {
  await withClient(server, async (client) => {
    const { rows } = await client.query<{ name: string }>('select datname as name from pg_database');
    for (const { name } of rows) {
      const owner = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN;
      if (Number.isInteger(owner) && !isAlive(owner))
        await client.query(`drop database if exists "${name}" with (force)`);
    }
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

/** Makes a database for this run. */
export async function createDatabase(server: string, name: string): Promise<string> {
  const database = `${PREFIX}${process.pid}_${name.replaceAll('-', '_')}`;
  await withClient(server, async (client) => {
    await client.query(`create database ${database} template template0`);
  });
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

export async function dropDatabase(server: string, url: string): Promise<void> {
  const database = new URL(url).pathname.slice(1);
  if (!database.startsWith(PREFIX)) throw new Error(`${database} is no database of this run`);
  await withClient(server, (client) => client.query(`drop database if exists ${database} with (force)`));
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
