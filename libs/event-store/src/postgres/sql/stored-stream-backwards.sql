select event_id, event_type, stream_name, stream_position, global_position,
  (extract(epoch from recorded_at) * 10000000)::bigint as ticks, data::text as data, metadata::text as metadata
from concord.events
where tenant_id = $1 and stream_name = $2 and stream_position <= $3 and stream_position >= concord.first_kept($1, $2)
order by stream_position desc
limit $4
