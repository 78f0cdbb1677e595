-- How far each subscription has come, by tenant. Written in the transaction that holds the handler's effects.
create table concord.checkpoints (
  subscription text collate "C" not null,
  tenant_id    text collate "C" not null,
  position     bigint           not null,
  updated_at   timestamptz      not null default clock_timestamp(),
  constraint checkpoints_pkey primary key (subscription, tenant_id)
);

-- Shared by whoever runs a projection within a command, exclusive for whoever rebuilds it.
create function concord.projection_lock_key(tenant text, projection text) returns bigint
  language sql immutable strict parallel safe
  return concord.lock_key(x'4C4F'::integer, tenant, projection);
