-- Ages of archived events. Where everything of a stream that is left in the table is young, it could not be told whether
-- what is archived of it is, too, and a stream with a maximum age went on showing all of that.

-- When each of the events was recorded, in the order of the stream; null where they were archived before this was kept.
alter table concord.archived_streams add column recorded_at timestamptz[];

-- The first position from `start` on that is archived and was recorded after `oldest`, or the one after the last archived
-- one that was not. Of files without the times of their events only so much is known: none is younger than its file.
create function concord.first_archived_after(tenant text, stream text, start bigint, oldest timestamptz) returns bigint
  language sql stable
  return coalesce(
    (select greatest(start, case when s.recorded_at is null then s.last_position + 1
        else s.first_position + (select count(*) from unnest(s.recorded_at) as r (at) where r.at <= oldest) end)
      from concord.archived_streams s
      join concord.archives a on a.tenant_id = s.tenant_id and a.archive_id = s.archive_id
      where s.tenant_id = tenant and s.stream_name = stream and s.last_position >= start
        and coalesce(s.recorded_at[1], a.archived_at) <= oldest
      order by s.first_position desc
      limit 1),
    start);

-- As it was, and where everything in the table is young enough it looks at what is archived.
create or replace function concord.first_kept(tenant text, stream text) returns bigint
  language plpgsql stable as $$
declare
  settings concord.stream_settings;
  start bigint;
  first bigint;
  last bigint;
  oldest timestamptz;
  probe record;
begin
  select * into settings from concord.stream_settings s where s.tenant_id = tenant and s.stream_name = stream;
  if not found then
    return 0;
  end if;
  if settings.tombstoned then
    perform concord.refuse_deleted(stream);
  end if;
  last := concord.stream_end(tenant, stream);
  start := greatest(settings.truncate_before, last + 1 - settings.max_count, 0);
  if settings.max_age is null then
    return start;
  end if;
  oldest := now() - least(settings.max_age, interval '1000 years');
  first := start;
  last := last + 1;
  while first < last loop
    select e.stream_position, e.recorded_at > oldest as young into probe
      from concord.events e
      where e.tenant_id = tenant and e.stream_name = stream and e.stream_position >= first + (last - first) / 2
      order by e.stream_position limit 1;
    if probe.young then
      last := first + (last - first) / 2;
    else
      first := probe.stream_position + 1;
    end if;
  end loop;
  return case when first > start then first else concord.first_archived_after(tenant, stream, start, oldest) end;
end $$;
