select stream_name, event_type, data from concord.events
where tenant_id = $1 and stream_name = any ($2)
order by stream_name, stream_position
