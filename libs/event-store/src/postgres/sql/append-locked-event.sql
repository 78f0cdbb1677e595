-- Appends one event where the transaction has locked and loaded the stream. No row: the stream does not end where the
-- writer expected it, or the event id is there already, and concord.append_event tells which.
with marked as materialized (select concord.mark_append(), clock_timestamp() as at)
insert into concord.events
  (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
select $1, nextval('concord.global_position'), $2, $3::bigint, $4::uuid, $5, $6::json, $7::jsonb, marked.at
from marked
where $3::bigint = (
    select coalesce(max(stream_position), -1) + 1 from concord.events where tenant_id = $1 and stream_name = $2)
  and not exists (select from concord.events where tenant_id = $1 and event_id = $4::uuid)
returning stream_position as last_stream_position, array[global_position] as global_positions, false as repeated,
  recorded_at
