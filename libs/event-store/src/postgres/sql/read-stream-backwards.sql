select * from concord.events
where tenant_id = $1 and stream_name = $2 and stream_position <= $3 and stream_position >= concord.first_kept($1, $2)
order by stream_position desc
limit $4
