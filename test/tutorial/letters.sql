create table library.letters (
  tenant_id text not null,
  book_id   text not null,
  text      text not null
);
