delete from concord.dropped_archives where tenant_id = $1 and file = $2
