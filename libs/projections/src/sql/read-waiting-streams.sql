select w.stream_name as stream, w.next_global as next from concord.waiting_streams w where w.group_name = $1 and w.tenant_id = $2
