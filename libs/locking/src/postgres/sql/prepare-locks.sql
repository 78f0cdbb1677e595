select concord.prepare_locks($1, $2, $3, $4)
