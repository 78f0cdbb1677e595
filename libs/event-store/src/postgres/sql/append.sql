select last_stream_position, global_positions, repeated, recorded_at
from concord.append($1, $2)
