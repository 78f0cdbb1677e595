-- The streams of a file that show not all of it, each with the first position that stays.
select s.stream_name, kept.before
from concord.archived_streams s
join concord.stream_settings d on d.tenant_id = s.tenant_id and d.stream_name = s.stream_name
cross join lateral (select concord.hidden_before($1, s.stream_name) as before) kept
where s.tenant_id = $1 and s.archive_id = $2 and s.first_position < kept.before
