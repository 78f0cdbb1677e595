select attempts, stream_name, stream_position from concord.parked_events
where group_name = $1 and tenant_id = $2 and event_id = $3 and replay_asked_at is not null
