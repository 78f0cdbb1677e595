select concord.fence_locks($1, $2, $3, $4)
