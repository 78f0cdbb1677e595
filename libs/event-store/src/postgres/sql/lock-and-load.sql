select stream_position, event_type, data from concord.lock_and_load($1, $2, $3)
