-- As append-held-event.sql, where a savepoint may have been taken back, and the lock with it, and somebody else may have gone
-- on: so the lock is taken again, and a tombstone is looked for with a snapshot that is younger. Another event at that
-- position breaks events_stream_key, and the transaction with it.
with locked as materialized (
  select pg_advisory_xact_lock(concord.stream_lock_key($1, $2))
), marked as materialized (
  select concord.mark_append(), concord.latest_end($1, $2) as actual, clock_timestamp() as at from locked
)
insert into concord.events
  (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
select $1, nextval('concord.global_position'), $2, $3::bigint, $4::uuid, $5, $6::json, $7::jsonb, marked.at
from marked
where marked.actual < concord.tombstone_position() or concord.refuse_deleted($2) is null
on conflict (tenant_id, event_id) do nothing
returning stream_position as last_stream_position, array[global_position] as global_positions, false as repeated,
  recorded_at
