-- What an aggregate needs of one stream, where it has no settings and no snapshot is wanted: half the time of
-- concord.load_streams, to which it leaves the rest with a row at position -2.
select e.stream_position, e.event_type, e.data, concord.form_of(e.metadata, $3) as form
from concord.events e
where e.tenant_id = $1 and e.stream_name = $2
  and not exists (select from concord.stream_settings s where s.tenant_id = $1 and s.stream_name = $2)
union all
select -2, null, null, null
where exists (select from concord.stream_settings s where s.tenant_id = $1 and s.stream_name = $2)
order by 1
