select pg_advisory_xact_lock_shared(key)
from (
  select concord.projection_lock_key($1, name) as key from unnest($2::text[]) as name order by 1
) locks
