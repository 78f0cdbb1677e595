-- As stored-feed-forwards.sql, with archived events ($12, as JSON) among those of the table.
with page as materialized (
  select * from (
    (select event_id, event_type, stream_name, stream_position, global_position, recorded_at,
        data::text as data, metadata::text as metadata
      from concord.events
      where tenant_id = $1 and global_position between $2 and $3
        and ($5::text is null or (concord.category(stream_name) = $5 and strpos(stream_name, '-') > 0))
        and ($6::text is null or event_type = $6)
      order by global_position
      limit $4)
    union all
    select event_id, event_type, stream_name, stream_position, global_position, recorded_at, data, metadata
      from json_to_recordset($12::json) as archived (
        event_id uuid, event_type text collate "C", stream_name text collate "C", stream_position bigint,
        global_position bigint, recorded_at timestamptz, data text, metadata text)
  ) as merged
  order by global_position
  limit $4
), seen as (
  select count(*) as looked_at, max(global_position) as through from page
)
select seen.looked_at, seen.through, concord.archived_through($1) as archived_through, event_id, event_type, stream_name, stream_position, global_position,
  (extract(epoch from recorded_at) * 10000000)::bigint as ticks, data, metadata
from seen
left join page on
  ($7::text[] is null or exists (select from unnest($7) as prefix where starts_with(stream_name, prefix)))
  and ($8::text[] is null or exists (select from unnest($8) as prefix where starts_with(event_type, prefix)))
  and ($9::text is null or stream_name ~ $9)
  and ($10::text is null or event_type ~ $10)
  and ($11::boolean is not true or stream_position = 0)
order by global_position
