delete from concord.checkpoints where subscription = $1 and tenant_id = $2
