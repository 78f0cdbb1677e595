-- Read models of the bank's ledger. Written by projectors only, and rebuilt from the events at any time.
-- Amounts are whole hundredths.

create schema if not exists bank;

create table bank.districts (
  tenant_id   text    collate "C" not null,
  district_id integer not null,
  name        text    not null,
  region      text    not null,
  inhabitants integer not null,
  constraint districts_pkey primary key (tenant_id, district_id)
);

create index districts_region_idx on bank.districts (tenant_id, region);

create table bank.accounts (
  tenant_id       text    collate "C" not null,
  account_id      text    collate "C" not null,
  district_id     integer not null,
  currency        text    not null,
  status          text    not null,
  balance         numeric not null,
  overdraft_limit numeric not null,
  opened_on       date    not null,
  revision        bigint  not null,
  constraint accounts_pkey primary key (tenant_id, account_id)
);

create index accounts_district_idx on bank.accounts (tenant_id, district_id, account_id);

create table bank.statement_lines (
  tenant_id    text    collate "C" not null,
  account_id   text    collate "C" not null,
  revision     bigint  not null,
  kind         text    not null,
  amount       numeric not null,
  balance      numeric not null,
  occurred_on  date    not null,
  counterparty text    collate "C",
  reference    text,
  constraint statement_lines_pkey primary key (tenant_id, account_id, revision)
);

create index statement_lines_day_idx on bank.statement_lines (tenant_id, account_id, occurred_on, revision);

create table bank.district_totals (
  tenant_id   text    collate "C" not null,
  district_id integer not null,
  currency    text    collate "C" not null,
  accounts    bigint  not null,
  balance     numeric not null,
  paid_in     numeric not null,
  paid_out    numeric not null,
  constraint district_totals_pkey primary key (tenant_id, district_id, currency)
);

create table bank.account_homes (
  tenant_id   text    collate "C" not null,
  account_id  text    collate "C" not null,
  district_id integer not null,
  currency    text    collate "C" not null,
  constraint account_homes_pkey primary key (tenant_id, account_id)
);
