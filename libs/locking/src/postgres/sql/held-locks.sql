select tenant, stream, mode, token, owner, to_timestamp(started / 1e6) as started, coalesce(label, '') as label, prepared
from concord.held_locks
order by tenant, stream, token
