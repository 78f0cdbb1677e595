create schema library;

create table library.book_lendings (
  tenant_id text    not null,
  book_id   text    not null,
  lendings  integer not null,
  primary key (tenant_id, book_id)
);

create table library.reader_lendings (
  tenant_id text    not null,
  reader    text    not null,
  lendings  integer not null,
  primary key (tenant_id, reader)
);
