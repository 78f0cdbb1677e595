// Rows that a projector names beforehand are loaded together; rows with an optimistic lock notice who was faster.
import { openDatabase, type OpenDatabase } from '@concord/database';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { Column, Entity, PrimaryColumn, VersionColumn } from 'typeorm';
import { tables, TallyRow } from '../../../test/fixtures/tally.js';
import { ActiveRecord } from './active-record.js';
import { RowIsStale } from './row-errors.js';
import { projectingRows, readingRows } from './row-scope.js';
import type { RowKey } from './row-session.js';

@Entity({ schema: 'spec', name: 'pairs' })
class PairRow extends ActiveRecord {
  static override readonly owned = true;
  @PrimaryColumn({ type: 'text' })
  one!: string;
  @PrimaryColumn({ type: 'text' })
  other!: string;
  @Column({ type: 'text', nullable: true })
  text!: string | null;
  @VersionColumn({ type: 'integer' })
  version!: number;
}

const pairs = `create table spec.pairs (tenant_id text, one text, other text, text text, version integer not null,
  primary key (tenant_id, one, other))`;

let testDatabase: TestDatabase;
let opened: OpenDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url, rows: [TallyRow, PairRow] });
  await opened.database.query({ text: 'select 1' });
  for (const text of tables.split(';').filter((one) => one.trim() !== '')) await opened.database.query({ text });
  await opened.database.query({ text: pairs });
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

/** Runs a batch as projections do, and answers how many statements found rows. */
async function batch(work: () => Promise<void>, named: readonly RowKey[] = []): Promise<number> {
  const { database } = opened;
  const { query } = database;
  let finds = 0;
  database.query = (statement, values) => {
    if (statement.text.startsWith('select')) finds += 1;
    return query.call(database, statement, values) as never;
  };
  try {
    await database.transaction(() => projectingRows(database, work, { named }));
  } finally {
    database.query = query;
  }
  return finds;
}

const inNewTenant = <T>(work: () => Promise<T>): Promise<T> => runInTenant(`t-${newId()}`, work);
const ids = Array.from({ length: 50 }, (_, n) => `id-${n}`);

async function countUp(): Promise<void> {
  for (const id of ids) {
    const row = await TallyRow.find({ id });
    if (row) await Object.assign(row, { sum: row.sum + 1n }).update();
    else await TallyRow.of({ id, sum: 1n, events: 1 }).insert();
  }
}

it('loads all that is named with one statement, those that are not there included', () =>
  inNewTenant(async () => {
    const named = ids.map((id) => TallyRow.at({ id }));
    expect(await batch(countUp, named)).toBe(1);
    expect(await batch(countUp, [...named, ...named, TallyRow.at({ id: 'nobody' })])).toBe(1);
    expect(await batch(countUp)).toBe(50);
    const rows = await readingRows(opened.database, () => TallyRow.findBy({}));
    expect(rows.map(({ sum }) => sum)).toEqual(ids.map(() => 3n));
  }));

it('loads only what is of the tenant', () =>
  inNewTenant(async () => {
    await batch(countUp);
    await inNewTenant(async () => {
      await batch(
        async () => expect(await TallyRow.find({ id: 'id-1' })).toBeUndefined(),
        [TallyRow.at({ id: 'id-1' })],
      );
    });
  }));

it('refuses to load by less than a whole key', () =>
  inNewTenant(async () => {
    const named = [PairRow.at({ one: 'a' })];
    await expect(batch(() => Promise.resolve(), named)).rejects.toThrow(/PairRow: a row is named by its whole key/);
  }));

it('tells keys apart whose parts, put together, look the same', () =>
  inNewTenant(async () => {
    const keys = [
      { one: 'a', other: '1:b' },
      { one: 'a1:', other: 'b' },
      { one: 'a\u001fb', other: 'c' },
      { one: 'a', other: 'b\u001fc' },
    ];
    await batch(
      async () => {
        for (const key of keys) {
          expect(await PairRow.find(key)).toBeUndefined();
          await PairRow.of({ ...key, text: JSON.stringify(key) }).insert();
        }
      },
      keys.map((key) => PairRow.at(key)),
    );
    const rows = await readingRows(opened.database, () => PairRow.findBy({}));
    expect(rows).toHaveLength(4);
    for (const { one, other, text } of rows) expect(text).toBe(JSON.stringify({ one, other }));
  }));

it('a row with a version is changed only as it was read: of two at once, one is told so and changes nothing', () =>
  inNewTenant(async () => {
    const key = { one: 'a', other: 'b' };
    await batch(async () => {
      await PairRow.of({ ...key, text: 'new' }).insert();
    });
    let both = (): void => undefined;
    const read = new Promise<void>((resolve) => (both = resolve));
    let readers = 0;
    const change = (text: string) =>
      batch(async () => {
        const row = await PairRow.find(key);
        if (!row) throw new Error('it is there');
        // Two connections, both with the row as it was.
        if (++readers === 2) both();
        await read;
        row.text = text;
        await row.update();
      });
    const ends = await Promise.allSettled([change('one'), change('other')]);
    const refused = ends.filter((end) => end.status === 'rejected');
    expect(refused.map(({ reason }) => reason as unknown)).toEqual([expect.any(RowIsStale)]);
    const winner = ends[0].status === 'fulfilled' ? 'one' : 'other';
    const [row] = await readingRows(opened.database, () => PairRow.findBy({ where: key }));
    expect(row).toMatchObject({ text: winner, version: 2 });
  }));
