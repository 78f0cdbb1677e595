-- The consumer groups, and how many events of a tenant, or of all, each has parked.
select g.group_name, count(p.event_id) as parked, count(p.replay_asked_at) as asked, min(p.parked_at) as oldest
from concord.consumer_groups g
left join concord.parked_events p on p.group_name = g.group_name and ($1::text is null or p.tenant_id = $1)
group by g.group_name
order by g.group_name
