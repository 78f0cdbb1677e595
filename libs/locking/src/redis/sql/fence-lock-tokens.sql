select concord.fence_lock_tokens($1, $2, $3, $4, $5, $6)
