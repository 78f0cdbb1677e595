select stream_position, event_type, data, form from concord.lock_and_load($1, $2, $3, $4)
