insert into concord.parked_events
  (group_name, tenant_id, event_id, slice, stream_name, stream_position, global_position, event_type, reason, attempts,
   parked_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp())
on conflict (group_name, tenant_id, event_id) do update
  set reason = excluded.reason, attempts = excluded.attempts, parked_at = excluded.parked_at, replay_asked_at = null
