// Rows: tenant, scope, transaction and identity.
import { openDatabase, type OpenDatabase } from '@concord/database';
import { newId } from '@concord/kernel';
import { runInTenant, TenantMissing } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { BehindRow, NoteRow, tables, TallyRow } from '../../../test/fixtures/tally.js';
import { ReadModelIsReadOnly } from './row-errors.js';
import { projectingRows, readingRows } from './row-scope.js';

let testDatabase: TestDatabase;
let opened: OpenDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url, rows: [TallyRow, BehindRow, NoteRow] });
  await opened.database.query({ text: tables });
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

const project = <T>(work: () => Promise<T>): Promise<T> => projectingRows(opened.database, work);
const read = <T>(work: () => Promise<T>): Promise<T> => readingRows(opened.database, work);
const fresh = (): string => `t-${newId()}`;
const row = (id: string, sum = 1n): TallyRow => TallyRow.of({ id, sum, events: 1 });

describe('an Active Record', () => {
  it('is stored, found, changed and removed, with whole numbers of any size', async () => {
    await runInTenant(fresh(), async () => {
      await project(async () => row('a', 10n ** 30n).insert());
      await project(async () => {
        const found = (await TallyRow.find({ id: 'a' }))!;
        expect(found).toBeInstanceOf(TallyRow);
        found.sum += 1n;
        await found.update();
      });
      expect(await read(() => TallyRow.find({ id: 'a' }))).toMatchObject({ sum: 10n ** 30n + 1n });
      await project(async () => (await TallyRow.find({ id: 'a' }))!.delete());
      expect(await read(() => TallyRow.find({ id: 'a' }))).toBeUndefined();
    });
  });

  it('belongs to its tenant: nobody else finds, changes or removes it', async () => {
    const [mine, theirs] = [fresh(), fresh()];
    await runInTenant(mine, () => project(async () => row('a').insert()));
    await runInTenant(theirs, async () => {
      expect(await read(() => TallyRow.find({ id: 'a' }))).toBeUndefined();
      expect(await read(() => TallyRow.find({ tenantId: mine, id: 'a' }))).toBeUndefined();
      expect(await read(() => TallyRow.findBy({}))).toEqual([]);
      const forged = Object.assign(row('a', 9n), { tenantId: mine });
      await expect(project(async () => forged.update())).rejects.toThrow(/not there/);
      await project(async () => Object.assign(row('a'), { tenantId: mine }).delete());
      await project(async () => Object.assign(row('a', 5n), { tenantId: mine }).insert());
    });
    expect(await runInTenant(mine, () => read(() => TallyRow.findBy({})))).toMatchObject([{ sum: 1n }]);
  });

  it('is refused without a database, without a tenant, and to writers that are no projectors', async () => {
    await expect(runInTenant(fresh(), async () => TallyRow.find({ id: 'a' }))).rejects.toThrow(/no database here/);
    await expect(read(async () => TallyRow.find({ id: 'a' }))).rejects.toThrow(TenantMissing);
    await runInTenant(fresh(), async () => {
      await expect(read(() => row('a').insert())).rejects.toThrow(ReadModelIsReadOnly);
      await read(() => NoteRow.of({ id: 'n', text: 'owned' }).insert());
      expect(await read(() => NoteRow.find({ id: 'n' }))).toMatchObject({ text: 'owned' });
    });
  });

  it('follows the ambient transaction', async () => {
    await runInTenant(fresh(), async () => {
      const failing = opened.database.transaction(async () => {
        await project(async () => row('a').insert());
        expect(await read(() => TallyRow.findBy({}))).toHaveLength(1);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(await read(() => TallyRow.findBy({}))).toEqual([]);
    });
  });

  it('is one object in a batch, whatever way it is found, and is written once', async () => {
    await runInTenant(fresh(), async () => {
      await project(async () => {
        await row('a').insert();
        const found = (await TallyRow.find({ id: 'a' }))!;
        found.sum = 2n;
        await found.update();
        expect(await TallyRow.find({ id: 'a' })).toBe(found);
        const [listed] = await TallyRow.findBy({ where: { id: 'a' } });
        expect(listed).toBe(found);
        expect(await TallyRow.find({ id: 'b' })).toBeUndefined();
        await row('b').insert();
        expect(await TallyRow.find({ id: 'b' })).toMatchObject({ id: 'b' });
      });
      const rows = await read(() => TallyRow.findBy({ order: { id: 'ASC' }, limit: 5 }));
      expect(rows).toMatchObject([
        { id: 'a', sum: 2n },
        { id: 'b', sum: 1n },
      ]);
    });
  });

  it('may be removed and made anew, or made and removed, in one batch', async () => {
    await runInTenant(fresh(), async () => {
      await project(async () => row('a').insert());
      await project(async () => {
        await (await TallyRow.find({ id: 'a' }))!.delete();
        expect(await TallyRow.find({ id: 'a' })).toBeUndefined();
        await row('a', 7n).insert();
        const passing = await row('b').insert();
        await passing.delete();
        expect(await TallyRow.find({ id: 'b' })).toBeUndefined();
      });
      expect(await read(() => TallyRow.findBy({}))).toMatchObject([{ id: 'a', sum: 7n }]);
    });
  });

  it('is refused twice, and refused to be changed when it is not there', async () => {
    await runInTenant(fresh(), async () => {
      await project(async () => row('a').insert());
      await expect(project(async () => row('a').insert())).rejects.toThrow(/duplicate key/);
      await expect(
        project(async () => {
          await row('c').insert();
          await row('c').insert();
        }),
      ).rejects.toThrow(/there already/);
      await expect(project(async () => row('b').update())).rejects.toThrow(/1 of 1 rows to update are not there/);
      await expect(
        project(async () => {
          await TallyRow.find({ id: 'b' });
          await row('b').update();
        }),
      ).rejects.toThrow(/not there to update/);
    });
  });

  it('keeps null, quotes and unicode', async () => {
    await runInTenant(fresh(), async () => {
      const text = `"'\\ \n 🏦`;
      await read(() => NoteRow.of({ id: text, text }).insert());
      await read(() => NoteRow.of({ id: 'null', text: null }).insert());
      expect(await read(() => NoteRow.find({ id: text }))).toMatchObject({ text });
      expect(await read(() => NoteRow.find({ id: 'null' }))).toMatchObject({ text: null });
    });
  });
});
