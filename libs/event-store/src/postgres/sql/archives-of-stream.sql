-- The next file, up- ($5 is 1) or downwards (-1), that holds what a stream still shows between two of its positions.
select a.file, a.sha256, s.first_position, s.last_position,
  greatest($3::bigint, concord.first_kept($1, $2)) as first
from concord.archived_streams s
join concord.archives a on a.tenant_id = s.tenant_id and a.archive_id = s.archive_id
where s.tenant_id = $1 and s.stream_name = $2
  and s.last_position >= greatest($3::bigint, concord.first_kept($1, $2)) and s.first_position <= $4
order by s.first_position * $5::integer
limit 1
