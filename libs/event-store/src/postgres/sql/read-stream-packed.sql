-- As read-stream-forwards, in one row: see packed-page.ts. What is left out, because it is large, is missed there.
select count(*)::integer as events,
  string_agg(int8send(global_position), ''::bytea) as global_positions,
  string_agg(int8send(stream_position), ''::bytea) as stream_positions,
  string_agg(uuid_send(event_id), ''::bytea) as event_ids,
  string_agg(event_type, E'\x1f') as event_types,
  json_agg(data) filter (where pg_column_size(data) < 2000) as data,
  json_agg(metadata) filter (where pg_column_size(metadata) < 2000) as metadata,
  string_agg(timestamptz_send(recorded_at), ''::bytea) as recorded_at
from (
  select global_position, stream_position, event_id, event_type, data, metadata, recorded_at
  from concord.events
  where tenant_id = $1 and stream_name = $2 and stream_position >= greatest($3, concord.first_kept($1, $2))
  order by stream_position
  limit $4
) page
