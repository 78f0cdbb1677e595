create schema club;

create table club.members (
  tenant_id text    not null,
  member_id text    not null,
  name      text    not null,
  street    text    not null,
  payments  integer not null,
  primary key (tenant_id, member_id)
);
