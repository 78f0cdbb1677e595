-- What is beyond the last position that was given to anybody: events, which the feed will hide, and checkpoints, whose readers
-- will miss what comes next. Both happen to a database that was put together from parts of different ages.
with last as materialized (select concord.last_position() as position)
select * from (
  (select 'events' as what, tenant_id || '/' || stream_name as name, global_position as position, last.position as last
   from concord.events, last where global_position > last.position and ($1::text is null or tenant_id = $1) limit $2)
  union all
  select 'checkpoint', subscription || ' of ' || tenant_id, c.position, last.position
  from concord.checkpoints c, last where c.position > last.position and ($1::text is null or tenant_id = $1)
  union all
  select 'group checkpoint', group_name || ' slice ' || slice || ' of ' || tenant_id, g.position, last.position
  from concord.group_checkpoints g, last where g.position > last.position and ($1::text is null or tenant_id = $1)
) ahead
order by what, name
limit $2
