select last_stream_position, global_positions, repeated, recorded_at, stored
from concord.write_metadata($1, $2, $3, $4, $5)
