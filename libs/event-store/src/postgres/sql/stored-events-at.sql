-- Events by stream and position: what links point to. What was deleted or truncated is not there for links either.
select event_id, event_type, stream_name, stream_position, global_position,
  (extract(epoch from recorded_at) * 10000000)::bigint as ticks, data::text as data, metadata::text as metadata
from concord.events
join unnest($2::text[], $3::bigint[]) as wanted (stream, place) on stream_name = stream and stream_position = place
where tenant_id = $1
  and not exists (
    select from concord.stream_settings s
    where s.tenant_id = $1 and s.stream_name = stream and (s.tombstoned or s.truncate_before > place))
