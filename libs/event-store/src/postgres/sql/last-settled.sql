-- A tenant's last event up to a position: what is committed there stays given, whatever crashes.
select coalesce(max(global_position), 0) as position from concord.events where tenant_id = $1 and global_position <= $2
