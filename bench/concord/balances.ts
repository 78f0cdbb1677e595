// The table of the read model, and rows for those who only find them.

export const BALANCES = `
  create schema if not exists bench;
  create table if not exists bench.balances (
    tenant_id text collate "C" not null, account_id text collate "C" not null,
    amount bigint not null, deposits bigint not null, memo text not null,
    primary key (tenant_id, account_id)
  );`;

/** One row for each of the ids $2 of tenant $1. */
export const SEED_BALANCES = `
  insert into bench.balances (tenant_id, account_id, amount, deposits, memo)
  select $1, id, 700, 7, repeat('m', 100) from unnest($2::text[]) as id`;
