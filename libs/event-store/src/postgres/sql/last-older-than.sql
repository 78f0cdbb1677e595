-- The last global position before the first event that is not older than a time: all up to it are.
select coalesce(
  (select e.global_position - 1 from concord.events e
   where e.tenant_id = $1 and e.recorded_at >= $2 order by e.global_position limit 1),
  concord.last_position()) as position
