select tenant, stream, mode, started::text, origin, owner, session, token
from concord.prepared_locks
where $1::text[] is null or (tenant, stream) in (select * from unnest($1::text[], $2::text[]))
order by tenant, stream, token
