-- Everything up to a global position but the last event of each stream, oldest first, as it is written to an archive.
select e.global_position, e.stream_name, e.stream_position, e.event_id, e.event_type, e.data::text as data,
  e.metadata::text as metadata, to_json(e.recorded_at) #>> '{}' as recorded_at
from concord.events e
where e.tenant_id = $1 and e.global_position <= $3
  and e.stream_position < concord.stream_end($1, e.stream_name)
order by e.global_position
limit $2
for update of e
