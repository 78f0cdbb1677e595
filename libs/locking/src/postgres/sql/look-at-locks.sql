select alive, news from concord.look_at_locks($1, $2, $3, $4)
