// The migrated database that test databases are copied from. Its name tells its migrations, so that it is made once
// per change of them, also by test runs that start at the same time.
import { DataSource } from 'typeorm';
import { createHash } from 'node:crypto';
import { MIGRATIONS_FOLDER, readMigrations, runMigrations } from '@concord/database';
import { urlOf, withClient } from './test-database.js';

const STALE_MS = 60 * 60_000;

/** Makes the migrated database that test databases are copied from, unless it is there; gives its name. */
export function ensureTemplate(server: string, folder: string = MIGRATIONS_FOLDER): Promise<string> {
  const content = readMigrations(folder)
    .map((migration) => `${migration.file} ${migration.sha256}`)
    .join('\n');
  const template = `concord_template_${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
  return withClient(server, async (client) => {
    await client.query(`SELECT pg_advisory_lock(hashtextextended('concord test template', 0))`);
    const databases = await client.query<{ name: string; used: string | null; connected: boolean }>(
      `SELECT datname AS name, shobj_description(oid, 'pg_database') AS used,
              EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid) AS connected
         FROM pg_database d WHERE datname LIKE 'concord\\_t%'`,
    );
    if (!databases.rows.some(({ name }) => name === template)) {
      // Renamed when it is complete: a killed run leaves no half-migrated template.
      const unfinished = `${template}_unfinished`;
      await client.query(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`);
      await client.query(`CREATE DATABASE ${unfinished}`);
      await runMigrations(new DataSource({ type: 'postgres', url: urlOf(server, unfinished) }), folder);
      await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${template}`);
    }
    await client.query(`COMMENT ON DATABASE ${template} IS '${Date.now()}'`);

    // What other runs may still use is left alone.
    for (const { name, used, connected } of databases.rows) {
      const time = Number(used ?? /^concord_test_(\d+)_/.exec(name)?.[1] ?? Date.now());
      if (name !== template && !connected && Date.now() - time > STALE_MS)
        await client.query(`DROP DATABASE IF EXISTS ${name}`);
    }
    return template;
  });
}
