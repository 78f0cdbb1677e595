select tenant_id, position from concord.group_checkpoints where group_name = $1 and slice = $2
