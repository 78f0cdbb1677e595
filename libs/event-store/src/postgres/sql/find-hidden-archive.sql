-- One file with events that their streams show no more, if there is any.
select a.archive_id, a.file, a.sha256
from concord.stream_settings d
join concord.archived_streams s on s.tenant_id = d.tenant_id and s.stream_name = d.stream_name
join concord.archives a on a.tenant_id = s.tenant_id and a.archive_id = s.archive_id
where d.tenant_id = $1 and s.first_position < concord.hidden_before($1, s.stream_name)
limit 1
