select * from concord.parked_events
where group_name = $1 and tenant_id = $2 and global_position > $3
order by global_position
limit $4
