// To update both files after a new migration: node --import ./test/load-typescript.js test/update-schema-snapshot.ts
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase, withClient } from '@concord/testing';
import { checkFrozen } from './frozen.js';
import { MIGRATIONS_FOLDER } from './migration-files.js';
import { schemaSnapshot, SNAPSHOT_FILE } from './schema-snapshot.js';

describe('the migrations folder', () => {
  it('holds every frozen migration unchanged, and every migration is in frozen.sha256', () => {
    expect(checkFrozen()).toEqual({ broken: [], unlisted: [] });
  });

  it('amounts to the schema in schema.snapshot.txt', async () => {
    const database = await createTestDatabase();
    const found = await withClient(database.url, schemaSnapshot);
    await database.drop();
    expect(found).toBe(readFileSync(join(MIGRATIONS_FOLDER, SNAPSHOT_FILE), 'utf8').replaceAll('\r\n', '\n'));
  });
});

describe('schemaSnapshot', () => {
  it.each([
    ['a column', 'ALTER TABLE s.t ADD COLUMN c int'],
    ['a type', 'ALTER TABLE s.t ALTER COLUMN b TYPE varchar(9)'],
    ['a default', 'ALTER TABLE s.t ALTER COLUMN a SET DEFAULT 2'],
    ['nullability', 'ALTER TABLE s.t ALTER COLUMN b DROP NOT NULL'],
    ['a constraint', 'ALTER TABLE s.t ADD CHECK (a > 0)'],
    ['an index', 'CREATE INDEX ON s.t (b)'],
    ['a storage parameter', 'ALTER TABLE s.t SET (fillfactor = 50)'],
    ['a function body', `CREATE OR REPLACE FUNCTION s.f(a int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN a; END'`],
    ['a volatility', 'ALTER FUNCTION s.f(int) STABLE'],
    ['a trigger', 'CREATE TRIGGER g BEFORE UPDATE ON s.t EXECUTE FUNCTION suppress_redundant_updates_trigger()'],
    ['a sequence', 'ALTER SEQUENCE s.q CACHE 5'],
    ['a view', 'CREATE OR REPLACE VIEW s.v AS SELECT a + 2 AS x FROM s.t'],
    ['an enum', `ALTER TYPE s.e ADD VALUE 'two'`],
  ])('shows a change of %s', async (_what, change) => {
    const database = await createTestDatabase({ empty: true });
    await withClient(database.url, async (client) => {
      await client.query(`
        CREATE SCHEMA s;
        CREATE TABLE s.t (a int DEFAULT 1, b text NOT NULL);
        CREATE VIEW s.v AS SELECT a + 1 AS x FROM s.t;
        CREATE SEQUENCE s.q;
        CREATE TYPE s.e AS ENUM ('one');
        CREATE FUNCTION s.f(a int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'`);
      const before = await schemaSnapshot(client);
      expect(await schemaSnapshot(client)).toBe(before);
      await client.query(change);
      expect(await schemaSnapshot(client)).not.toBe(before);
    });
    await database.drop();
  });
});
