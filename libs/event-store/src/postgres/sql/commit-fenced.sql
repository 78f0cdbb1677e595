select committed, places, stream_positions, global_positions, recorded_at
from concord.commit_fenced($1, $2, $3, $4, $5, $6, $7, $8)
