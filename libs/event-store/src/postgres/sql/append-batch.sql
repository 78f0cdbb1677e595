select ends, global_positions, recorded_at
from concord.append_batch($1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::uuid[], $7)
