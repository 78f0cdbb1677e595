-- Streams of one tenant in the order of their names, after $2, that begin so ($3): each found by a step of its own in the index,
-- so that a page costs by its length and not by the number of events. Every stream keeps its last event in the table (ADR 13).
-- Without $5 those of the system, such as metadata, are left out.
with recursive names as (
  (select stream_name from concord.events
   where tenant_id = $1 and stream_name > $2 and stream_name >= $3
   order by stream_name limit 1)
  union all
  select (select e.stream_name from concord.events e
          where e.tenant_id = $1 and e.stream_name > n.stream_name
          order by e.stream_name limit 1)
  from names n where starts_with(n.stream_name, $3)
), page as (
  select stream_name from names
  where starts_with(stream_name, $3) and ($5::boolean or not starts_with(stream_name, '$'))
  limit $4
)
select $1 as tenant, p.stream_name as stream, last.stream_position, last.global_position, last.event_type, last.recorded_at,
  case when s.tombstoned then 'tombstoned' when s.deleted_at is not null then 'deleted' else 'active' end as state
from page p
cross join lateral (
  select * from concord.events e where e.tenant_id = $1 and e.stream_name = p.stream_name
  order by e.stream_position desc limit 1
) last
left join concord.stream_settings s on s.tenant_id = $1 and s.stream_name = p.stream_name
order by p.stream_name
