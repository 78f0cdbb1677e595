-- Whoever asks knows the stream and the tenant: all that is sent is read, name by name.
select global_position, stream_position, event_id, event_type, data, metadata, recorded_at
from concord.events
where tenant_id = $1 and stream_name = $2 and stream_position <= $3 and stream_position >= concord.first_kept($1, $2)
order by stream_position desc
limit $4
