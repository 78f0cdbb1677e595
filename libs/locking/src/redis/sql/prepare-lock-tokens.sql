select concord.prepare_lock_tokens($1, $2, $3, $4, $5, $6, $7, $8, $9)
