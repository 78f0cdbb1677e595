-- What the cursors of pages are signed with, the same in every process of this database. It is no secret from whoever reads
-- the database, who needs no cursor.

create table concord.cursor_key (
  is_only boolean not null default true,
  key     bytea   not null,
  constraint cursor_key_pkey primary key (is_only),
  constraint cursor_key_one check (is_only)
);

insert into concord.cursor_key (key) values (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
