-- Appends one event to one stream where nobody is in the way, in one statement and half the time of concord.append_event, to
-- which it leaves everything unusual: no row when the stream is locked or not where it is expected, or when the event id is
-- there already. The statement's snapshot is older than its lock: a stream position that was taken meanwhile breaks
-- events_stream_key. Only the id may conflict quietly.
with locked as materialized (
  select from (select pg_try_advisory_xact_lock(concord.stream_lock_key($1, $2)) as free) try where try.free
), marked as materialized (
  select concord.mark_append(), clock_timestamp() as at from locked
)
insert into concord.events
  (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
select $1, nextval('concord.global_position'), $2, ends.actual + 1, $4::uuid, $5, $6::json, $7::jsonb, marked.at
from marked,
  (select coalesce(max(stream_position), -1) as actual from concord.events
   where tenant_id = $1 and stream_name = $2) ends
where concord.meets($1, $2, $3, ends.actual)
on conflict (tenant_id, event_id) do nothing
returning stream_position as last_stream_position, array[global_position] as global_positions, false as repeated,
  recorded_at
