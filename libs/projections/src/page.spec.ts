// Pages by key: nothing is missed or repeated while others write; every digit counts; cursors that do not fit are refused.
import { createHmac } from 'node:crypto';
import { openDatabase, type OpenDatabase } from '@concord/database';
import { InvalidArgument, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { Column, Entity, MoreThan, PrimaryColumn } from 'typeorm';
import { ActiveRecord, asBigint, CursorInvalid, type PageOptions, readingRows } from './index.js';

@Entity({ schema: 'spec', name: 'entries' })
class EntryRow extends ActiveRecord {
  static override readonly owned = true;
  @PrimaryColumn({ type: 'bigint', transformer: asBigint })
  id!: bigint;
  @Column({ type: 'numeric' })
  amount!: string;
  @Column({ type: 'bigint', transformer: asBigint })
  big!: bigint;
  @Column({ type: 'timestamptz' })
  at!: Date;
  @Column({ type: 'text', nullable: true })
  note!: string | null;
  @Column({ type: 'jsonb' })
  extra!: object;
  /** The table allows nulls, and the class does not say so. */
  @Column({ type: 'integer' })
  wrong!: number;
}

const TABLE = `create schema spec; create table spec.entries (tenant_id text not null, id bigint not null, amount numeric not null,
  big bigint not null, at timestamptz not null, note text, extra jsonb not null default '{}', wrong integer,
  primary key (tenant_id, id))`;
const INSERT = `insert into spec.entries (tenant_id, id, amount, big, at, note)
  select $1, id, amount, big, at, note from json_to_recordset($2::json)
    as given (id bigint, amount numeric, big bigint, at timestamptz, note text)`;

let testDatabase: TestDatabase;
let opened: OpenDatabase;
/** Another process, as far as the database can tell. */
let writer: OpenDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url, rows: [EntryRow] });
  writer = await openDatabase({ url: testDatabase.url });
  await opened.database.query({ text: TABLE });
});
afterAll(async () => {
  await Promise.all([opened.close(), writer.close()]);
  await testDatabase.drop();
});

type Wanted = Omit<PageOptions<EntryRow>, 'limit'> & { limit?: number };
const page = (wanted: Wanted = {}) => readingRows(opened.database, () => EntryRow.page({ limit: 7, ...wanted }));
const BIG = 2n ** 53n;

/** Rows that differ in the last digit only, that are equal, and that have nothing. */
const entry = (id: number) => ({
  id: String(id),
  amount: `1.${'0'.repeat(25)}${id % 5}`,
  big: String(BIG + BigInt(id % 6)),
  at: `2026-11-22T10:00:00.00000${id % 4}+00`,
  note: id % 3 === 0 ? null : `n${id % 4}`,
});

const insert = (tenant: string, ids: readonly number[]) =>
  writer.database.query({ text: INSERT }, [tenant, JSON.stringify(ids.map(entry))]);

/** Shuffled the same way in every run. */
const IDS = Array.from({ length: 60 }, (_, n) => ((n * 37) % 60) * 2);
const ORDERS: NonNullable<PageOptions<EntryRow>['order']>[] = [
  {},
  { id: 'DESC' },
  { amount: 'ASC' },
  { big: 'DESC', at: 'DESC' },
  { at: 'ASC', amount: 'DESC' },
  { note: 'ASC' },
  { note: 'DESC', at: 'ASC' },
  { at: 'DESC', note: 'ASC', id: 'DESC' },
];

async function inDatabaseOrder(tenant: string, order: (typeof ORDERS)[number]): Promise<number[]> {
  const named = Object.entries(order);
  const all = named.some(([column]) => column === 'id') ? named : [...named, ['id', named.at(-1)?.[1] ?? 'ASC']];
  const by = all.map(([column, direction]) => `${column} ${direction}`).join(', ');
  const text = `select id::int from spec.entries where tenant_id = $1 order by ${by}`;
  return (await opened.database.query<{ id: number }>({ text }, [tenant])).map(({ id }) => id);
}

async function walk(order: (typeof ORDERS)[number], meanwhile: (page: number) => Promise<unknown>, from?: string) {
  const ids: number[] = [];
  let cursor: string | null | undefined = from;
  let last = '';
  for (let number = 0; cursor !== null; number += 1) {
    // A place that is not exact may lead back to itself.
    if (number > 40) throw new Error('the pages have no end');
    const found = await page({ order, ...(cursor !== undefined && (from ? { before: cursor } : { after: cursor })) });
    const here = found.rows.map(({ id }) => Number(id));
    if (from) ids.unshift(...here);
    else ids.push(...here);
    if (found.rows.length > 0 && found.previous) last = found.previous;
    cursor = from ? found.previous : found.next;
    await meanwhile(number);
  }
  return { ids, last };
}

describe('pages', () => {
  it.each(ORDERS)('in the order %j are what the database orders, forwards and backwards', (order) => {
    const tenant = `t-${newId()}`;
    return runInTenant(tenant, async () => {
      await insert(tenant, IDS);
      await insert(`t-${newId()}`, IDS);
      const expected = await inDatabaseOrder(tenant, order);
      const { ids, last } = await walk(order, () => Promise.resolve());
      expect(ids).toEqual(expected);
      const backwards = await walk(order, () => Promise.resolve(), last);
      expect(expected.slice(0, backwards.ids.length)).toEqual(backwards.ids);
      expect(backwards.ids.length).toBeGreaterThanOrEqual(IDS.length - 7);
    });
  });

  it.each(ORDERS)(
    'in the order %j show every row that is there throughout exactly once, while others write',
    (order) => {
      const tenant = `t-${newId()}`;
      return runInTenant(tenant, async () => {
        await insert(tenant, IDS);
        const gone = IDS.filter((id) => id % 10 === 4);
        const throughout = IDS.filter((id) => !gone.includes(id)).sort((a, b) => a - b);
        // New rows lie between all others; of those that go, some were the end of a page.
        const meanwhile = async (number: number): Promise<void> => {
          await insert(tenant, [number * 2 + 1, 101 - number * 2]);
          const text = 'delete from spec.entries where tenant_id = $1 and id = any($2)';
          await writer.database.query({ text }, [tenant, gone.slice(number, number + 2)]);
        };
        const { ids } = await walk(order, meanwhile);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.filter((id) => throughout.includes(id)).sort((a, b) => a - b)).toEqual(throughout);
      });
    },
  );

  it('end and begin where there is nothing more, and keep to the condition', () => {
    const tenant = `t-${newId()}`;
    return runInTenant(tenant, async () => {
      expect(await page()).toEqual({ rows: [], next: null, previous: null });
      await insert(tenant, IDS);
      const first = await page({ limit: 2, where: { id: MoreThan(10n) } });
      expect(first).toMatchObject({ rows: [{ id: 12n }, { id: 14n }], previous: null });
      const second = await page({ limit: 60, where: { id: MoreThan(10n) }, after: first.next! });
      expect([second.rows[0]!.id, second.rows.length, second.next]).toEqual([16n, 52, null]);
      expect(await page({ limit: 2, before: second.previous! })).toMatchObject({ rows: [{ id: 12n }, { id: 14n }] });
    });
  });

  it('read on with a transaction that is under way, in its snapshot of things', () => {
    const tenant = `t-${newId()}`;
    return runInTenant(tenant, async () => {
      await insert(tenant, [2, 4]);
      const inside = await opened.database.transaction(async () => {
        await opened.database.query({ text: INSERT }, [tenant, JSON.stringify([entry(3)])]);
        return page();
      });
      expect(inside.rows.map(({ id }) => id)).toEqual([2n, 3n, 4n]);
    });
  });
});

describe('a cursor', () => {
  const tenant = `t-${newId()}`;
  const refusal = (wanted: Wanted, of = tenant) =>
    runInTenant(of, async () => {
      const error = await page(wanted).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CursorInvalid);
      return (error as CursorInvalid).reason;
    });

  it('is refused when it is none, was altered, or is of another order, another tenant or another table', async () => {
    await insert(tenant, IDS);
    const { next } = await runInTenant(tenant, () => page({ order: { amount: 'ASC' } }));
    const order = { amount: 'ASC' } as const;
    const after = next!;
    for (const none of ['', 'a', '%%%', 'é', 'x'.repeat(10_000)]) {
      expect(await refusal({ order, after: none })).toBe('malformed');
    }
    const bytes = Buffer.from(after, 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const altered = Buffer.from(bytes);
      altered[at]! ^= 1;
      expect(await refusal({ order, after: altered.toString('base64url') })).toBe('forged');
    }
    const body = Buffer.from(JSON.stringify(['spec.entries,amount ASC,id ASC', '0', '0']));
    const signature = createHmac('sha256', 'a guess').update(`${tenant}\n`).update(body).digest().subarray(0, 16);
    const forged = Buffer.concat([signature, body]).toString('base64url');
    expect(await refusal({ order, after: forged })).toBe('forged');
    expect(await refusal({ order, after }, `t-${newId()}`)).toBe('forged');
    for (const other of [{}, { amount: 'DESC' }, { amount: 'ASC', big: 'ASC' }, { big: 'ASC' }] as const) {
      expect(await refusal({ order: other, before: after })).toBe('another-ordering');
    }
  });

  it('is good in every process of the database', async () => {
    const { next } = await runInTenant(tenant, () => page());
    const other = await openDatabase({ url: testDatabase.url, rows: [EntryRow] });
    const read = () => readingRows(other.database, () => EntryRow.page({ limit: 7, after: next! }));
    expect((await runInTenant(tenant, read)).rows).toHaveLength(7);
    await other.close();
  });
});

it('pages that cannot be are refused', () =>
  runInTenant('t', async () => {
    const refused: [Wanted, RegExp][] = [
      [{ limit: 0 }, /limit/],
      [{ limit: 10_001 }, /limit/],
      [{ after: 'a', before: 'b' }, /`after` or `before`/],
      [{ order: { nothing: 'ASC' } as never }, /no column "nothing"/],
      [{ order: { amount: 'up' as 'ASC' } }, /'ASC' or 'DESC'/],
      [{ order: { extra: 'ASC' } }, /cannot be ordered by jsonb/],
      [{ order: { wrong: 'ASC' } }, /wrong may be null in the table: declare it with nullable: true/],
    ];
    for (const [wanted, message] of refused) {
      const error = await page(wanted).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InvalidArgument);
      expect((error as Error).message).toMatch(message);
    }
  }));
