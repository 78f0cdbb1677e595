select tenant_id, count(*)::integer as events from concord.parked_events
where group_name = $1 group by tenant_id order by tenant_id
