-- How far each subscription is, with its tenant's last settled event, which is no event of the tenant '*': that stands for all of them.
with heads as materialized (select tenant_id, head from concord.tenant_heads($1))
select c.subscription, c.tenant_id, c.slices, c.position, c.updated_at, c.waiting_streams, c.parked, h.head,
  case when h.head > c.position then (
    select e.recorded_at from concord.events e where e.tenant_id = c.tenant_id and e.global_position > c.position
    order by e.global_position limit 1) end as behind_since
from concord.subscription_positions c
left join heads h on h.tenant_id = c.tenant_id
where $2::text is null or c.tenant_id = $2
order by c.subscription, c.tenant_id
