select last_stream_position, global_positions, repeated, recorded_at
from concord.append_event($1, $2, $3, $4, $5, $6, $7, $8)
