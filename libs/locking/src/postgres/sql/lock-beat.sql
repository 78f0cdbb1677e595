select alive, moment, news from concord.lock_beat($1, $2, $3 * interval '1 ms', $4)
