select tenant_id, status, count(*)::integer as instances
from concord.processes
where process = $1
group by tenant_id, status
order by tenant_id, status
