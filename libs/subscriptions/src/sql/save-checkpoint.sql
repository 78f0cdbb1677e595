update concord.checkpoints set position = $3, updated_at = clock_timestamp() where subscription = $1 and tenant_id = $2
