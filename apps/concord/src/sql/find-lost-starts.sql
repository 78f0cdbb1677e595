-- Streams whose first events are in no archive, though no metadata were ever written that would have had them scavenged.
select f.tenant_id, f.stream_name, f.stream_position from (
  select distinct on (tenant_id, stream_name) tenant_id, stream_name, stream_position
  from concord.events
  where $1::text is null or tenant_id = $1
  order by tenant_id, stream_name, stream_position
) f
where f.stream_position between 1 and 9223372036854775806
  -- Of metadata only the last are kept.
  and not starts_with(f.stream_name, '$$')
  and not exists (select from concord.events m
    where m.tenant_id = f.tenant_id and m.stream_name = concord.metadata_stream(f.stream_name))
  and not exists (select from concord.archived_streams a
    where a.tenant_id = f.tenant_id and a.stream_name = f.stream_name and a.last_position >= f.stream_position - 1)
limit $2
