select process, instance_id, status, version, due_at, attempts, reason, created_at, changed_at
from concord.processes
where process = $1 and tenant_id = $2 and instance_id = $3
