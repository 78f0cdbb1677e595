select exists (
  select from concord.archived_streams s
  join unnest($2::text[], $3::bigint[]) as wanted (stream, place)
    on s.stream_name = wanted.stream and wanted.place between s.first_position and s.last_position
  where s.tenant_id = $1
) as archived
