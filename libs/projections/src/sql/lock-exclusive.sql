select pg_advisory_xact_lock(concord.projection_lock_key($1, $2))
