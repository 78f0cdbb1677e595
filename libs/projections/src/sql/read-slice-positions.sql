select c.slice, c.position from concord.group_checkpoints c where c.group_name = $1 and c.tenant_id = $2
