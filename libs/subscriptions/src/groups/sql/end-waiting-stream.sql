delete from concord.waiting_streams where group_name = $1 and tenant_id = $2 and stream_name = $3
