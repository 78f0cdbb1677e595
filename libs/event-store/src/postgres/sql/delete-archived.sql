with deleted as (
  delete from concord.events where tenant_id = $1 and global_position = any ($2::bigint[]) returning 1
)
select count(*) as events from deleted
