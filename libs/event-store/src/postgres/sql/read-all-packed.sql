-- As read-all, in one row: see packed-page.ts. What is left out, because it is large, is missed there.
select count(*)::integer as events,
  string_agg(int8send(global_position), ''::bytea) as global_positions,
  string_agg(int8send(stream_position), ''::bytea) as stream_positions,
  string_agg(stream_name, E'\x1f') as stream_names,
  string_agg(uuid_send(event_id), ''::bytea) as event_ids,
  string_agg(event_type, E'\x1f') as event_types,
  json_agg(data) filter (where pg_column_size(data) < 2000) as data,
  json_agg(metadata) filter (where pg_column_size(metadata) < 2000) as metadata,
  string_agg(timestamptz_send(recorded_at), ''::bytea) as recorded_at,
  (select concord.archived_through($1)) as archived_through
from (
  select * from concord.events
  where tenant_id = $1 and global_position > $2 and global_position <= $3
    and ($5::text[] is null or event_type = any ($5))
    and ($6::text[] is null or exists (select from unnest($6::text[]) as prefix where starts_with(stream_name, prefix)))
  order by global_position
  limit $4
) page
