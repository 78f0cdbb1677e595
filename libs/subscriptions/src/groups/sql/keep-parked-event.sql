update concord.parked_events set attempts = attempts + 1, reason = $4, replay_asked_at = null
where group_name = $1 and tenant_id = $2 and event_id = $3
