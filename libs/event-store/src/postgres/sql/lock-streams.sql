select concord.lock_streams($1, $2)
