// What is written of a row: what its class allows, what has changed, and nothing that somebody else has changed meanwhile.
import { newId } from '@concord/kernel';
import { currentTenant, runInTenant } from '@concord/tenancy';
import { openShelves, statementsOf } from '../../../test/fixtures/shelves-database.js';
import { BookRow, LentBookView, LoanRow, ShelfRow } from '../../../test/fixtures/shelves.js';
import { projectingRows, readingRows, RowInvalid, RowIsGone, RowIsStale } from './index.js';

const ROWS = [ShelfRow, BookRow, LoanRow, LentBookView];

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

describe('a row that breaks a rule of its class', () => {
  it('is not written, and nothing with it; the error names columns and rules', () =>
    inNewTenant(async () => {
      const wrong = book(1, { state: 'gone' as 'here', title: 'x' });
      const error = await wrong.insert().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RowInvalid);
      expect((error as RowInvalid).broken.map(({ column, rule }) => `${column} ${rule}`).sort()).toEqual([
        'state isIn',
        'title matches',
        'title minLength',
      ]);
      expect((error as RowInvalid).message).toMatch(/BookRow: .*title begins with a capital \(matches\)/);
      await book(2).insert();
      const found = (await BookRow.find({ id: 2 }))!;
      await expect(Object.assign(found, { title: '' }).update()).rejects.toThrow(RowInvalid);
      // Changed behind its check, and first in line another table's row.
      const batch = projectingRows(main(), async () => {
        await ShelfRow.of({ id: 'never', room: 'r' }).insert();
        const row = await book(3).insert();
        row.title = 'x';
      });
      await expect(batch).rejects.toThrow(RowInvalid);
      expect(await ShelfRow.findBy({})).toEqual([]);
      expect(await BookRow.findBy({})).toMatchObject([{ id: 2, title: 'Book 2' }]);
    }));
});

describe('a row', () => {
  it('knows what has changed since it was read or written', () =>
    inNewTenant(async () => {
      expect(book(1).changes()).toBeUndefined();
      await book(1).insert();
      for (const find of [() => BookRow.find({ id: 1 }), async () => (await BookRow.findBy({}))[0]]) {
        const row = (await find())!;
        expect(row.changes()).toEqual({});
        row.price += 1n;
        row.notes.push('read');
        expect(row.changes()).toEqual({
          price: { from: row.price - 1n, to: row.price },
          notes: { from: row.notes.slice(0, -1), to: row.notes },
        });
        await row.update();
        expect(row.changes()).toEqual({});
      }
      expect(await BookRow.find({ id: 1 })).toMatchObject({ price: 3n, notes: ['read', 'read'], version: 3 });
    }));

  it('is not sent by a projector when nothing has changed', () =>
    inNewTenant(async () => {
      await book(1).insert();
      const unchanged = async (): Promise<unknown> => (await BookRow.find({ id: 1 }))!.update();
      // The find.
      expect(await statementsOf(site.opened[0]!, () => projectingRows(main(), unchanged))).toBe(1);
    }));

  it('is sent again where the transaction of its update was rolled back', () =>
    inNewTenant(async () => {
      await ShelfRow.of({ id: 's', room: 'old' }).insert();
      const row = (await ShelfRow.find({ id: 's' }))!;
      row.room = 'new';
      const rolledBack = main().transaction(async () => {
        await row.update();
        throw new Error('rolled back');
      });
      await expect(rolledBack).rejects.toThrow('rolled back');
      await main().transaction(() => row.update());
      expect(await ShelfRow.find({ id: 's' })).toMatchObject({ room: 'new' });
    }));

  it('is written, whatever a projector does beside it, and also when it does not wait for it', () =>
    inNewTenant(async () => {
      const part = async (id: number): Promise<void> => {
        const [known] = await BookRow.findBy({ where: { id } });
        if (!known) await book(id).insert();
      };
      await main().transaction(() =>
        projectingRows(main(), async () => {
          await book(1).insert();
          await Promise.all([part(2), part(3), book(4).insert(), part(5)]);
        }),
      );
      await main().transaction(() => projectingRows(main(), async () => void book(6).insert()));
      expect((await BookRow.findBy({ order: { id: 'ASC' } })).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
    }));

  it.each([
    ['by its key', () => BookRow.find({ id: 1 })],
    ['by a condition', () => BookRow.findBy({ where: { state: 'here' } })],
    ['on a page', () => BookRow.page({ limit: 5 })],
    ['by its owner', async () => ShelfRow.preload([(await ShelfRow.find({ id: 's' }))!], 'books')],
    ['once more', () => Object.assign(book(1), { tenantId: currentTenant() }).reload()],
  ])('that a sliced projector finds %s is locked until its batch ends', (_, find) =>
    inNewTenant(async () => {
      await ShelfRow.of({ id: 's', room: 'r' }).insert();
      await book(1, { shelfId: 's' }).insert();
      const taking = { text: 'select 1 from spec.books where tenant_id = $1 for update nowait' };
      const takenByOthers = () => main().outside(() => main().query(taking, [currentTenant()]));
      await main().transaction(async () => {
        await projectingRows<unknown>(main(), find, { locked: true });
        await expect(takenByOthers()).rejects.toThrow();
      });
      await expect(takenByOthers()).resolves.toHaveLength(1);
    }),
  );

  it('is read again as it is stored, into the same object', () =>
    inNewTenant(async () => {
      const row = await book(1).insert();
      await Object.assign((await BookRow.find({ id: 1 }))!, { title: 'Other' }).update();
      row.price = 99n;
      await expect(row.update()).rejects.toThrow(RowIsStale);
      await expect(row.delete()).rejects.toThrow(RowIsStale);
      expect(await row.reload()).toBe(row);
      expect(row).toMatchObject({ title: 'Other', price: 1n, version: 2 });
      row.lend();
      await row.update();
      expect(() => row.lend()).toThrow(/is not here/);
      await row.delete();
      await expect(row.reload()).rejects.toThrow(RowIsGone);
    }));

  it('takes the place of one with a version that is deleted in the same batch', () =>
    inNewTenant(async () => {
      await Object.assign(await book(1).insert(), { title: 'Other' }).update();
      await projectingRows(main(), async () => {
        await (await BookRow.find({ id: 1 }))!.delete();
        await book(1, { title: 'New' }).insert();
      });
      expect(await BookRow.find({ id: 1 })).toMatchObject({ title: 'New', version: 3 });
    }));

  it('is found and written where the innermost scope says: a shard is a database of its own', () =>
    inNewTenant(async () => {
      const shard = site.opened[1]!.database;
      await read(() => ShelfRow.of({ id: 'there', room: 'r' }).insert(), shard);
      expect(await ShelfRow.findBy({})).toEqual([]);
      expect((await read(() => ShelfRow.page({ limit: 5 }), shard)).rows).toMatchObject([{ id: 'there' }]);
    }));
});
