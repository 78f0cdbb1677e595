-- Appends one event where the transaction has the stream's lock, loaded the stream under it, and so knows its end: nobody
-- else can have added to it or deleted it. No row: the event id is there already, and concord.append_event tells what that
-- means; only the id may conflict quietly.
with marked as materialized (
  select concord.mark_append(), clock_timestamp() as at
)
insert into concord.events
  (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
select $1, nextval('concord.global_position'), $2, $3::bigint, $4::uuid, $5, $6::json, $7::jsonb, marked.at
from marked
on conflict (tenant_id, event_id) do nothing
returning stream_position as last_stream_position, array[global_position] as global_positions, false as repeated,
  recorded_at
