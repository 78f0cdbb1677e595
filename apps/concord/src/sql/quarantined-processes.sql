-- Instances that are set aside: of a process manager or all, of a tenant or all.
select process, tenant_id, instance_id, attempts, reason, changed_at
from concord.processes
where status = 'quarantined' and ($1::text is null or process = $1) and ($2::text is null or tenant_id = $2)
order by process, tenant_id, instance_id
limit $3
