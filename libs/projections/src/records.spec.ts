// What rows can do beside being found and stored: relations, scopes, views, and where they refuse.
import { newId } from '@concord/kernel';
import { runInTenant, TenantMissing } from '@concord/tenancy';
import { Column, In, MoreThan, PrimaryColumn, ViewEntity } from 'typeorm';
import { openShelves, statementsOf } from '../../../test/fixtures/shelves-database.js';
import { BookRow, LentBookView, LoanRow, ShelfRow } from '../../../test/fixtures/shelves.js';
import {
  ActiveRecord,
  projectingRows,
  ReadModelIsReadOnly,
  readingRows,
  RowScopeMissing,
  ViewIsReadOnly,
} from './index.js';

/** Somebody who has not heard of ViewRecord. */
@ViewEntity({ schema: 'spec', name: 'lent_books' })
class WrittenView extends ActiveRecord {
  static override readonly owned = true;
  @PrimaryColumn({ type: 'integer' })
  id!: number;
  @Column({ type: 'text' })
  title!: string;
}

const ROWS = [ShelfRow, BookRow, LoanRow, LentBookView, WrittenView];

let site: Awaited<ReturnType<typeof openShelves>>;
beforeAll(async () => {
  site = await openShelves(ROWS);
});
afterAll(() => site.close());

const main = () => site.opened[0]!.database;
const read = <T>(work: () => Promise<T>, database = main()): Promise<T> => readingRows(database, work);
const inNewTenant = <T>(work: () => Promise<T>): Promise<T> => runInTenant(`t-${newId()}`, () => read(work));
const book = (id: number, more: Partial<BookRow> = {}): BookRow =>
  BookRow.of({ id, shelfId: null, state: 'here', title: `Book ${id}`, price: BigInt(id), notes: [], ...more });

async function library(): Promise<void> {
  for (const id of ['a', 'b', 'empty']) await ShelfRow.of({ id, room: `room of ${id}` }).insert();
  for (let id = 1; id <= 20; id += 1) await book(id, { shelfId: id % 2 ? 'a' : 'b' }).insert();
  await book(21).insert();
  await LoanRow.of({ reader: 'r', bookId: 3 }).insert();
}

describe('relations', () => {
  it('of any number of rows are found with one statement each, in the tenant, and null or empty where there is none', () =>
    inNewTenant(async () => {
      await library();
      await runInTenant(`t-${newId()}`, () => book(99, { shelfId: 'a' }).insert());
      const books = await BookRow.findBy({ order: { id: 'ASC' } });
      const sent = await statementsOf(site.opened[0]!, async () => {
        const loaded = await BookRow.preload(books, 'shelf', 'loan');
        expect(loaded.map(({ shelf }) => shelf?.id)).toEqual(books.map(({ shelfId }) => shelfId ?? undefined));
        expect(loaded.at(-1)).toMatchObject({ shelf: null, loan: null });
        expect(loaded[2]!.loan?.reader).toBe('r');
        expect(loaded[0]!.shelf).toBe(loaded[2]!.shelf);
      });
      expect(sent).toBe(2);
      const shelves = await ShelfRow.findBy({ order: { id: 'ASC' }, relations: ['books'] });
      expect(shelves.map((one) => one.books.map(({ id }) => id))).toEqual([
        [1, 3, 5, 7, 9, 11, 13, 15, 17, 19],
        [2, 4, 6, 8, 10, 12, 14, 16, 18, 20],
        [],
      ]);
      expect(await BookRow.preload([], 'shelf')).toEqual([]);
    }));

  it('in a projector are the very rows that it has changed', () =>
    inNewTenant(async () => {
      await library();
      await projectingRows(main(), async () => {
        const shelf = (await ShelfRow.find({ id: 'a' }))!;
        await Object.assign((await BookRow.find({ id: 1 }))!, { shelfId: 'b' }).update();
        const [loaded] = await ShelfRow.preload([shelf], 'books');
        expect(loaded!.books.map(({ id }) => id)).not.toContain(1);
        const [again] = await BookRow.preload(loaded!.books.slice(0, 1), 'shelf');
        expect(again!.shelf).toBe(shelf);
      });
    }));

  it('that are none, or are more than one where one is declared, are refused', () =>
    inNewTenant(async () => {
      await library();
      const books = await BookRow.findBy({ where: { id: 3 } });
      await expect(BookRow.preload(books, 'title' as never)).rejects.toThrow(
        /BookRow has no relation "title": there are shelf, loan/,
      );
      await LoanRow.of({ reader: 's', bookId: 3 }).insert();
      await expect(BookRow.preload(books, 'loan')).rejects.toThrow(/2 rows where one is declared/);
    }));
});

it('scopes are named, composed, and hold together with what is asked for', () =>
  inNewTenant(async () => {
    for (const id of [1, 11, 12, 13]) await book(id, { state: id < 13 ? 'lent' : 'here' }).insert();
    const ids = async (find: Parameters<typeof BookRow.findBy<BookRow>>[0]) =>
      (await BookRow.findBy({ order: { id: 'ASC' }, ...find })).map(({ id }) => id);
    for (let time = 0; time < 2; time += 1) {
      expect(await ids({ scopes: [BookRow.lent] })).toEqual([1, 11, 12]);
      expect(await ids({ scopes: [BookRow.dearAndLent], where: { id: In([12, 13]) } })).toEqual([12]);
      expect(await ids({ scopes: [BookRow.priced(10n), BookRow.priced(11n)], where: { price: 13n } })).toEqual([13]);
    }
    // Neither replaces the other, in either order.
    expect(await ids({ scopes: [BookRow.priced(11n), BookRow.priced(1n)] })).toEqual([12, 13]);
    const kept = { price: MoreThan(11n) };
    expect([await ids({ where: kept }), await ids({ scopes: [() => kept] })]).toEqual([
      [12, 13],
      [12, 13],
    ]);
    expect(kept.price.value).toBe(11n);
    const stranger = { scopes: [() => ({ tenantId: 'somebody' })] };
    expect(await ids(stranger)).toEqual([1, 11, 12, 13]);
  }));

describe('a view', () => {
  it('is found, by the page and with relations as tables are', () =>
    inNewTenant(async () => {
      for (const id of [1, 2, 3]) await book(id, { state: id === 2 ? 'here' : 'lent' }).insert();
      expect(await LentBookView.find({ id: 1 })).toBeInstanceOf(LentBookView);
      expect(await LentBookView.find({ id: 2 })).toBeUndefined();
      const page = await LentBookView.page({ order: { title: 'DESC' }, limit: 1, relations: ['book'] });
      expect(page.rows).toMatchObject([{ id: 3, book: { price: 3n } }]);
      const behind = await LentBookView.page({ order: { title: 'DESC' }, limit: 1, after: page.next! });
      expect(behind).toMatchObject({ rows: [{ id: 1 }], next: null });
    }));

  it('cannot be written: not by type, and not by anybody who has it written all the same', () =>
    inNewTenant(async () => {
      await book(1, { state: 'lent' }).insert();
      const row = (await LentBookView.find({ id: 1 }))!;
      // @ts-expect-error -- a view has no such method
      expect(row.update).toBeUndefined();
      await expect(ActiveRecord.prototype.delete.call(row)).rejects.toThrow(ReadModelIsReadOnly);
      await projectingRows(main(), async () => {
        await expect(ActiveRecord.prototype.delete.call(row)).rejects.toThrow(ViewIsReadOnly);
      });
      const written = (await WrittenView.find({ id: 1 }))!;
      for (const change of ['insert', 'update', 'delete'] as const) {
        await expect(written[change]()).rejects.toThrow(ViewIsReadOnly);
      }
      expect(await BookRow.findBy({})).toHaveLength(1);
    }));
});

it('every call says what is missing where there is no database, and where there is no tenant', async () => {
  const calls: (() => unknown)[] = [
    () => BookRow.find({ id: 1 }),
    () => BookRow.findBy({}),
    () => BookRow.page({ limit: 1 }),
    () => BookRow.preload([book(1, { shelfId: 'a' })], 'shelf', 'loan'),
    () => book(1).reload(),
    () => book(1).insert(),
    () => book(1).update(),
    () => book(1).delete(),
  ];
  for (const call of calls) {
    await expect(runInTenant('t', async () => call())).rejects.toThrow(RowScopeMissing);
    await expect(read(async () => call())).rejects.toThrow(TenantMissing);
  }
  expect(() => book(1).changes()).toThrow(RowScopeMissing);
});
