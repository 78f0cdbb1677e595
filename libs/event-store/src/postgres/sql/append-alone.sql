-- Appends one event to one stream where nobody is in the way, in one statement and less time than concord.append_event, to
-- which it leaves everything unusual: no row when the stream is locked or not where it is expected, when the event id is
-- there already, or when more than the stream's end decides. The statement's snapshot is older than its lock, so the end
-- comes from a function with a snapshot of its own: a tombstone that was set in between must be seen. Only the id may
-- conflict quietly; while another transaction is adding it, this one gives up soon (55P03), as concord.append_batch does.
with locked as materialized (
  select set_config('lock_timeout', '200ms', true) from (select pg_try_advisory_xact_lock(concord.stream_lock_key($1, $2)) as free) try where try.free
), marked as materialized (
  select concord.mark_append(), clock_timestamp() as at,
    case when $3 like '~%' then concord.whole_end($1, $2) else concord.latest_end($1, $2) end as actual
  from locked
)
insert into concord.events
  (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
select $1, nextval('concord.global_position'), $2, marked.actual + 1, $4::uuid, $5, $6::json, $7::jsonb, marked.at
from marked
where case $3
    when 'any' then marked.actual < concord.tombstone_position()
    when 'no-stream' then marked.actual = -1
    when 'stream-exists' then false
    else marked.actual = ltrim($3, '~')::bigint
  end
on conflict (tenant_id, event_id) do nothing
returning stream_position as last_stream_position, array[global_position] as global_positions, false as repeated,
  recorded_at
