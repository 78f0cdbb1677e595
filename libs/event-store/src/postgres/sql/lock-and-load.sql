select * from concord.lock_and_load($1, $2)
