-- Whether a stream shows, between two of its positions, what is archived. Asked after the table was read.
select exists (
  select from concord.archived_streams s
  where s.tenant_id = $1 and s.stream_name = $2
    and s.last_position >= greatest($3::bigint, concord.first_kept($1, $2)) and s.first_position <= $4
) as archived
