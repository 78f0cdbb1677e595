insert into concord.checkpoints (subscription, tenant_id, position) values ($1, $2, $3)
on conflict do nothing
returning position
