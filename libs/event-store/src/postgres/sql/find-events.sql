-- A probe for each id. With `event_id = any ($2)`, the plan that is kept from before the table was first analysed reads all
-- events of the tenant.
select e.*
from (select distinct given.id from unnest($2::uuid[]) as given (id)) wanted
join lateral (
  select * from concord.events e where e.tenant_id = $1 and e.event_id = wanted.id limit 1
) e on true
