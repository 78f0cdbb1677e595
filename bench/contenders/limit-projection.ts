// How fast a projection could be: pages by keyset, one prepared upsert an event, sent without waiting for the answers,
// and one commit a page with the checkpoint in it. For contenders that have no projections of their own.
import pg from 'pg';
import type { ProjectionResult } from '../contender.js';
import type { Deposit } from '../account.js';

export interface PagedEvent {
  readonly position: string;
  readonly data: Deposit;
}

export const PROJECTION_TABLES = `
  create table if not exists public.bench_balances (
    account_id text primary key, amount bigint not null, deposits bigint not null, memo text not null
  );
  create table if not exists public.bench_checkpoint (name text primary key, position bigint not null);
`;

export const RESULT =
  'select count(*)::int as rows, coalesce(sum(deposits), 0)::int as events from public.bench_balances';

/** The statement that projects one event. */
export const UPSERT = `
  insert into public.bench_balances (account_id, amount, deposits, memo) values ($1, $2, 1, $3)
  on conflict (account_id) do update set
    amount = bench_balances.amount + excluded.amount, deposits = bench_balances.deposits + 1, memo = excluded.memo`;

const CHECKPOINT = `
  insert into public.bench_checkpoint values ('balances', $1)
  on conflict (name) do update set position = excluded.position`;

/** Projects everything `page` gives. */
export async function projectPages(url: string, page: (after: string) => Promise<PagedEvent[]>): Promise<void> {
  const client = new pg.Client({ connectionString: url, pipeline: true });
  await client.connect();
  try {
    let after = '0';
    for (;;) {
      const events = await page(after);
      const last = events.at(-1);
      if (!last) return;
      after = last.position;
      await Promise.all([
        client.query('begin'),
        ...events.map(({ data }) =>
          client.query({ name: 'upsert', text: UPSERT, values: [data.accountId, data.amount, data.memo] }),
        ),
        client.query({ name: 'checkpoint', text: CHECKPOINT, values: [after] }),
        client.query('commit'),
      ]);
    }
  } finally {
    await client.end();
  }
}

export async function emptyProjection(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`${PROJECTION_TABLES} truncate public.bench_balances, public.bench_checkpoint`);
  await client.end();
}

export async function projectionResult(pool: pg.Pool): Promise<ProjectionResult> {
  const { rows } = await pool.query<ProjectionResult>(RESULT);
  return { rows: rows[0]?.rows ?? 0, events: rows[0]?.events ?? 0 };
}
