select concord.lock_maintenance($1)
