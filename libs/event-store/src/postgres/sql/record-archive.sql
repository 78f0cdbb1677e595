with file as (
  insert into concord.archives (tenant_id, file, sha256, events, first_position, last_position)
  values ($1, $2, $3, $4, $5, $6)
  returning tenant_id, archive_id
)
insert into concord.archived_streams (tenant_id, stream_name, first_position, last_position, archive_id, recorded_at)
select file.tenant_id, s.stream, s.first, s.last, file.archive_id, s.recorded
from file, json_to_recordset($7::json) as s (stream text, first bigint, last bigint, recorded timestamptz[])
