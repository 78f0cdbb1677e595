select stream_name, stream_position, event_type, data from concord.load_streams($1, $2, $3)
