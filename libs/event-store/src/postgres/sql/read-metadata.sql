select
  (select row_to_json(m) from (
    select e.stream_position::text as revision, e.data from concord.events e
    where e.tenant_id = $1 and e.stream_name = concord.metadata_stream($2)
    order by e.stream_position desc limit 1) m) as last,
  case
    when concord.stream_end($1, $2) = concord.tombstone_position() then 'tombstoned'
    when concord.is_deleted($1, $2, concord.stream_end($1, $2)) then 'deleted'
    else 'active'
  end as state
