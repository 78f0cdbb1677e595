// What docs/how-to/read-models.md shows, run.
import { CursorInvalid, readingRows, RowInvalid } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { In } from 'typeorm';
import { openShelves } from '../fixtures/shelves-database.js';
import { BookRow, LentBookView, LoanRow, ShelfRow } from '../fixtures/shelves.js';

let site: Awaited<ReturnType<typeof openShelves>>;
beforeAll(async () => {
  site = await openShelves([ShelfRow, BookRow, LoanRow, LentBookView]);
});
afterAll(() => site.close());

// In an app the entries do this: an interceptor runs each request in its tenant and within ReadModels.read().
const run = (work: () => Promise<void>) =>
  runInTenant('reading-room', () => readingRows(site.opened[0]!.database, work));

it('finds, relates, pages and checks', () =>
  run(async () => {
    await ShelfRow.of({ id: 'a', room: 'north' }).insert();
    for (let id = 1; id <= 5; id += 1) {
      await BookRow.of({ id, shelfId: 'a', state: 'here', title: `Book ${id}`, price: 10n, notes: [] }).insert();
    }

    // By key, by condition, by named conditions that hold together.
    const book = (await BookRow.find({ id: 3 }))!;
    book.lend();
    expect(book.changes()).toEqual({ state: { from: 'here', to: 'lent' } });
    await book.update();
    const lent = await BookRow.findBy({ scopes: [BookRow.lent, BookRow.priced(5n)], where: { id: In([1, 2, 3]) } });
    expect(lent.map(({ id }) => id)).toEqual([3]);

    // Related rows of all these books: one statement.
    const [related] = await BookRow.preload(lent, 'shelf');
    expect(related!.shelf?.room).toBe('north');

    // Page by page. Equal prices are in the order of their keys.
    const first = await BookRow.page({ order: { price: 'DESC' }, limit: 3, relations: ['shelf'] });
    const second = await BookRow.page({ order: { price: 'DESC' }, limit: 3, after: first.next! });
    expect([first, second].map(({ rows }) => rows.map(({ id }) => id))).toEqual([
      [5, 4, 3],
      [2, 1],
    ]);
    expect(second.next).toBeNull();
    await expect(BookRow.page({ order: { title: 'ASC' }, limit: 3, after: first.next! })).rejects.toThrow(
      CursorInvalid,
    );

    // A rule of the class.
    book.title = 'no capital';
    await expect(book.update()).rejects.toThrow(RowInvalid);
    await book.reload();

    // A view is found like a table, and has no insert(), update() or delete().
    expect(await LentBookView.findBy({})).toMatchObject([{ id: 3, title: 'Book 3' }]);
  }));
