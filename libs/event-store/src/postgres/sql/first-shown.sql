-- From where on streams show their events, of those that may hide some. Of one with a tombstone only that is left.
select s.stream_name as stream,
  case when s.tombstoned then concord.tombstone_position() else concord.first_kept($1, s.stream_name) end as first
from concord.stream_settings s
where s.tenant_id = $1 and s.stream_name = any($2::text[])
