-- Which of some places are archived, and shown still. Asked after the table was read.
select wanted.stream, wanted.place
from unnest($2::text[], $3::bigint[]) as wanted (stream, place)
where exists (
  select from concord.archived_streams s
  where s.tenant_id = $1 and s.stream_name = wanted.stream
    and wanted.place between s.first_position and s.last_position
) and concord.shows($1, wanted.stream, wanted.place)
