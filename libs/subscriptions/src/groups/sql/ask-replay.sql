update concord.parked_events set replay_asked_at = clock_timestamp()
where group_name = $1 and tenant_id = $2 and event_id = any ($3::uuid[])
returning event_id
