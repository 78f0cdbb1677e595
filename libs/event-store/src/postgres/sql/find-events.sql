select * from concord.events
where tenant_id = $1 and event_id = any ($2::uuid[])
