update concord.processes
set status = $4, due_at = clock_timestamp(), attempts = 0, reason = null, woken = woken + 1, changed_at = clock_timestamp()
where process = $1 and tenant_id = $2 and instance_id = $3
