-- What streams show no more, oldest first, as it is written to an archive.
select e.global_position, e.stream_name, e.stream_position, e.event_id, e.event_type, e.data::text as data,
  e.metadata::text as metadata, to_json(e.recorded_at) #>> '{}' as recorded_at
from concord.stream_settings s
cross join lateral (select concord.hidden_before($1, s.stream_name) as before) kept
join concord.events e on e.tenant_id = $1 and e.stream_name = s.stream_name and e.stream_position < kept.before
where s.tenant_id = $1
order by e.global_position
limit $2
for update of e
