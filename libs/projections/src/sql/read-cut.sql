-- How far the rows of a projection have come: by its version, else by the latest other one that has worked on the tenant.
select p.subscription, p.slices, p.position
from concord.subscription_positions p
where p.tenant_id = $2
  and starts_with(p.subscription, $3) and substr(p.subscription, length($3) + 1) ~ '^\d{1,9}$'
order by p.subscription = $1 desc, substr(p.subscription, length($3) + 1)::integer desc
limit 1
