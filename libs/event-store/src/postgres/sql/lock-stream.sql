select pg_advisory_xact_lock(concord.stream_lock_key($1, $2))
