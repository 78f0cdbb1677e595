-- The first position of a tenant's event that is not older than $2, and the last of one that is not younger than $3. `archived`:
-- up to where events are in files, which are not looked into here.
select
  (select global_position from concord.events where tenant_id = $1 and recorded_at >= $2 order by global_position limit 1) as first,
  (select global_position from concord.events where tenant_id = $1 and recorded_at <= $3 order by global_position desc limit 1) as last,
  concord.archived_through($1) as archived
