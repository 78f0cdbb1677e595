select appended, stream_positions, global_positions, recorded_at
from concord.append_batch($1::text[], $2::text[], $3::text[], $4)
