-- Whose instance this is: one is enough to go on with, two are enough to ask.
select tenant_id as tenant
from concord.processes
where process = $1 and instance_id = $2 and ($3::text is null or tenant_id = $3)
order by tenant_id
limit 2
