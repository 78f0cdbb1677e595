select n, outcome from concord.raise_lock_fences($1, $2, $3, $4, $5, $6)
