create schema library;

create table library.loans (
  tenant_id text not null,
  book_id   text not null,
  title     text not null,
  reader    text,
  primary key (tenant_id, book_id)
);
