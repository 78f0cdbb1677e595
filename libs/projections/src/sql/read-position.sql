select position from concord.subscription_positions where subscription = $1 and tenant_id = $2 and slices > 0
