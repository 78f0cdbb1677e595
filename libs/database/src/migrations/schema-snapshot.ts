// What the migrations amount to, as text that a review can compare. From the catalogs, in an order of its own, and
// without what every version of PostgreSQL catalogues differently.
import type { Client } from 'pg';

export const SNAPSHOT_FILE = 'schema.snapshot.txt';

/** Each query yields `object`, under which `line` is listed. */
const QUERIES = [
  `SELECT kind || ' ' || c.oid::regclass AS object,
          concat_ws(' ', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END, array_to_string(c.reloptions, ', '),
            'partition by ' || pg_get_partkeydef(c.oid),
            (SELECT concat_ws(' ', seqtypid::regtype, 'start', seqstart, 'increment', seqincrement, 'cache', seqcache, CASE WHEN seqcycle THEN 'cycle' END)
               FROM pg_sequence WHERE seqrelid = c.oid),
            CASE WHEN c.relkind IN ('v', 'm') THEN 'sha256 ' || encode(sha256(convert_to(pg_get_viewdef(c.oid), 'UTF8')), 'hex') END) AS line
     FROM pg_class c
     JOIN (VALUES ('r', 'table'), ('p', 'table'), ('v', 'view'), ('m', 'materialized view'), ('S', 'sequence')) AS k (relkind, kind)
       ON k.relkind = c.relkind::text
    WHERE ours(c.relnamespace)`,
  `SELECT 'table ' || attrelid::regclass AS object,
          concat_ws(' ', 'column', lpad(row_number() OVER (PARTITION BY attrelid ORDER BY attnum)::text, 2, '0'), attname,
            format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'not null' END,
            CASE attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
            CASE attgenerated WHEN 's' THEN 'generated stored' WHEN 'v' THEN 'generated virtual' END,
            'default ' || pg_get_expr(adbin, adrelid),
            (SELECT 'collate ' || collname FROM pg_collation l, pg_type t
              WHERE t.oid = atttypid AND l.oid = attcollation AND attcollation <> typcollation)) AS line
     FROM pg_attribute
     JOIN pg_class c ON c.oid = attrelid AND c.relkind IN ('r', 'p')
     LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE ours(c.relnamespace) AND attnum > 0 AND NOT attisdropped`,
  // Not-null constraints are catalogued since PostgreSQL 18 only; the columns tell them.
  `SELECT CASE WHEN contypid = 0 THEN 'table ' || conrelid::regclass ELSE 'domain ' || contypid::regtype END AS object,
          'constraint ' || conname || ' ' || pg_get_constraintdef(oid) AS line
     FROM pg_constraint WHERE ours(connamespace) AND contype <> 'n'`,
  `SELECT 'table ' || indrelid::regclass AS object, pg_get_indexdef(indexrelid) AS line
     FROM pg_index JOIN pg_class c ON c.oid = indrelid WHERE ours(c.relnamespace)`,
  `SELECT 'table ' || tgrelid::regclass AS object, pg_get_triggerdef(t.oid) AS line
     FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE ours(c.relnamespace) AND NOT tgisinternal`,
  `SELECT 'function ' || oid::regprocedure AS object,
          concat_ws(' ', 'returns', pg_get_function_result(oid), 'arguments', '(' || pg_get_function_arguments(oid) || ')',
            (SELECT lanname FROM pg_language l WHERE l.oid = prolang), 'volatility', provolatile, 'parallel', proparallel,
            CASE WHEN proisstrict THEN 'strict' END, CASE WHEN prosecdef THEN 'security definer' END,
            array_to_string(proconfig, ', '),
            'sha256', encode(sha256(convert_to(coalesce(pg_get_function_sqlbody(oid), prosrc), 'UTF8')), 'hex')) AS line
     FROM pg_proc WHERE ours(pronamespace)`,
  `SELECT 'type ' || t.oid::regtype AS object,
          CASE typtype WHEN 'd' THEN 'domain of ' || format_type(typbasetype, typtypmod)
            WHEN 'e' THEN 'enum ' || (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
            ELSE 'composite ' || (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
                                    FROM pg_attribute WHERE attrelid = typrelid AND NOT attisdropped) END AS line
     FROM pg_type t LEFT JOIN pg_class c ON c.oid = typrelid
    WHERE ours(typnamespace) AND (typtype IN ('d', 'e') OR c.relkind = 'c')`,
];

// The migrations make schemas of their own; what an extension brings belongs to it.
const ours = (namespace: string): string =>
  `(${namespace} IN (SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'))`;

export async function schemaSnapshot(client: Client): Promise<string> {
  await client.query(`SET search_path = ''`); // Every name in full.
  const objects = new Map<string, string[]>();
  for (const query of QUERIES) {
    const sql = query.replace(/ours\(([\w.]+)\)/, (_match, namespace: string) => ours(namespace));
    const { rows } = await client.query<{ object: string; line: string | null }>(sql);
    for (const { object, line } of rows) objects.set(object, [...(objects.get(object) ?? []), line ?? '']);
  }
  const names = [...objects.keys()].sort();
  return names.map((name) => [name, ...linesOf(objects.get(name))].join('\n  ') + '\n').join('\n');
}

function linesOf(lines: readonly string[] = []): string[] {
  return lines.filter((line) => line !== '').sort();
}
