-- Makes the checkpoint, or locks the one that is there; no row when somebody else holds it, or is just making it.
with made as (
  insert into concord.checkpoints (subscription, tenant_id, position) values ($1, $2, $3)
  on conflict do nothing
  returning position
), held as (
  select position from concord.checkpoints where subscription = $1 and tenant_id = $2 for update skip locked
)
select position, true as created from made
union all
select position, false as created from held
