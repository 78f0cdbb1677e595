select n, last_stream_position, global_position, recorded_at
from concord.append_events($1)
