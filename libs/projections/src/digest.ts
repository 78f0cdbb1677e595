// A digest of a projection's rows: equal digests, equal rows.
import { createHash } from 'node:crypto';
import type { Database } from '@concord/database';
import type { ProjectionDefinition } from './projection.js';

/** SHA-256 in hex over all rows of all row classes, of one tenant or of all, in the order of their keys. */
export async function digestOf(
  database: Database,
  projection: ProjectionDefinition,
  tenantId?: string,
): Promise<string> {
  return database.transaction(async (transaction) => {
    // Each statement reads a whole table.
    transaction.bePatient();
    const hash = createHash('sha256');
    for (const row of projection.rows) {
      const { tablePath, primaryColumns } = database.dataSource.getMetadata(row);
      const key = primaryColumns.map((column) => `t."${column.databaseName}"`).join(', ');
      const [table] = await database.query<{ rows: bigint; digest: string | null }>(
        {
          text: `select count(*) as rows, string_agg(md5(t::text), '' order by ${key}) as digest
                 from ${tablePath} t where $1::text is null or t.tenant_id = $1`,
        },
        [tenantId ?? null],
      );
      hash.update(`${tablePath}:${table?.rows}:${table?.digest ?? ''}\n`);
    }
    return hash.digest('hex');
  });
}
