import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { startProcess } from '../../../../test/fixtures/process-under-test.js';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { DatabaseNewerThanCode, MigrationChanged, MigrationFailed, MigrationFolderInvalid } from './migration-errors.js';
import { runMigrations } from './run-migrations.js';

let database: TestDatabase;
let folder: string;

beforeEach(async () => {
  database = await createTestDatabase({ empty: true });
  folder = mkdtempSync(join(tmpdir(), 'concord-migrations-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await database.drop();
});

const write = (file: string, sql: string): void => writeFileSync(join(folder, file), sql);
const migrate = (): Promise<string[]> =>
  runMigrations(new DataSource({ type: 'postgres', url: database.url, poolSize: 1 }), folder);
const select = (sql: string): Promise<unknown[]> =>
  withClient(database.url, async (client) => (await client.query<{ value: unknown }>(sql)).rows.map(({ value }) => value));

describe('runMigrations', () => {
  it('applies what is new, in order of the numbers, once', async () => {
    write('0002_second.sql', 'ALTER TABLE first ADD COLUMN b int;');
    write('0001_first.sql', 'CREATE TABLE first (a int); INSERT INTO first VALUES (1);');
    expect(await migrate()).toEqual(['0001_first', '0002_second']);
    expect(await migrate()).toEqual([]);
    write('0010_third.sql', 'CREATE FUNCTION three() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 3; END;');
    expect(await migrate()).toEqual(['0010_third']);
    expect(await select('SELECT three() AS value')).toEqual([3]);
    expect(await select(`SELECT name AS value FROM concord.migration ORDER BY id`)).toEqual([
      '0001_first_0000000000001',
      '0002_second_0000000000002',
      '0010_third_0000000000010',
    ]);
  });

  it('lets twenty processes start at once on an empty database: one migrates', async () => {
    write('0001_slow.sql', 'CREATE TABLE slow (a int); SELECT pg_sleep(0.3);');
    write('0002_fill.sql', 'INSERT INTO slow VALUES (1);');
    const starting = Array.from({ length: 20 }, () => startProcess('migrating-process.ts', database.url, folder));
    const processes = await Promise.all(starting);
    const answers = processes.map(({ process }) => once(process, 'message') as Promise<[{ applied?: string[] }]>);
    for (const { process } of processes) process.send('go');
    const applied = (await Promise.all(answers)).map(([answer]) => answer.applied);
    expect(applied.filter((names) => names?.length === 2)).toEqual([['0001_slow', '0002_fill']]);
    expect(applied.filter((names) => names?.length === 0)).toHaveLength(19);
    expect(await select('SELECT a AS value FROM slow')).toEqual([1]);
  });

  it('refuses a landed migration whose content differs, and changes nothing', async () => {
    write('0001_first.sql', 'CREATE TABLE first (a int);\n');
    await migrate();
    write('0001_first.sql', 'CREATE TABLE first (a bigint);\n');
    write('0002_second.sql', 'CREATE TABLE second (a int);\n');
    await expect(migrate()).rejects.toThrow(MigrationChanged);
    await expect(migrate()).rejects.toThrow(/0001_first\.sql/);
    expect(await select(`SELECT to_regclass('second') AS value`)).toEqual([null]);
  });

  it('takes other line ends for the same content', async () => {
    write('0001_first.sql', 'CREATE TABLE first (\n  a int\n);\n');
    await migrate();
    write('0001_first.sql', 'CREATE TABLE first (\r\n  a int\r\n);\r\n');
    expect(await migrate()).toEqual([]);
  });

  it('refuses a database that is newer than the code', async () => {
    write('0001_first.sql', 'CREATE TABLE first (a int);');
    write('0002_second.sql', 'CREATE TABLE second (a int);');
    await migrate();
    rmSync(join(folder, '0002_second.sql'));
    await expect(migrate()).rejects.toThrow(DatabaseNewerThanCode);
    await expect(migrate()).rejects.toThrow(/0002_second/);
  });

  it('keeps nothing of a migration that fails in its middle, and names file and line', async () => {
    write('0001_first.sql', 'CREATE TABLE first (a int);');
    write('0002_broken.sql', 'CREATE TABLE second (a int);\nINSERT INTO first VALUES (1);\n\nSELECT nonsense FROM first;\n');
    write('0003_third.sql', 'CREATE TABLE third (a int);');
    const failed = await migrate().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(MigrationFailed);
    expect((failed as Error).message).toMatch(/0002_broken\.sql failed: column "nonsense" does not exist at line 4 \(SQLSTATE 42703\)/);
    expect(await select(`SELECT to_regclass(name) IS NOT NULL AS value FROM unnest('{first,second,third}'::text[]) name`)).toEqual([true, false, false]);
    expect(await select('SELECT count(*)::int AS value FROM first')).toEqual([0]);

    write('0002_broken.sql', 'CREATE TABLE second (a int);');
    expect(await migrate()).toEqual(['0002_broken', '0003_third']);
  });

  it('keeps nothing of a migration that could not be recorded', async () => {
    write('0001_first.sql', 'CREATE TABLE first (a int); ALTER TABLE concord.migration_checksum ADD CHECK (false);');
    await expect(migrate()).rejects.toThrow(/check constraint/);
    expect(await select(`SELECT to_regclass('first') AS value`)).toEqual([null]);
  });

  it('refuses files it cannot put in order', async () => {
    write('1_first.sql', '');
    await expect(migrate()).rejects.toThrow(MigrationFolderInvalid);
    rmSync(join(folder, '1_first.sql'));
    write('0001_a.sql', '');
    write('0001_b.sql', '');
    await expect(migrate()).rejects.toThrow(/0001_a\.sql and 0001_b\.sql have the same number/);
  });
});
