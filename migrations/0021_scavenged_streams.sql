-- What was scavenged stays gone. Metadata are replaced as a whole: once `$maxCount` had taken the place of `$tb`, a snapshot that
-- held scavenged events fitted the stream again, and aggregates showed what no reader could see.

alter table concord.stream_settings add column scavenged_before bigint not null default 0;

update concord.stream_settings s
  set scavenged_before = coalesce(least(
    (select min(e.stream_position) from concord.events e
      where e.tenant_id = s.tenant_id and e.stream_name = s.stream_name),
    (select min(a.first_position) from concord.archived_streams a
      where a.tenant_id = s.tenant_id and a.stream_name = s.stream_name)), 0);

-- As it was, and never below what was scavenged.
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
  start := greatest(settings.truncate_before, last + 1 - settings.max_count, settings.scavenged_before);
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

-- Says that a stream has lost what came before a position. A tombstone hides all there is, and needs no position.
create function concord.note_scavenged(tenant text, stream text, before bigint) returns void
  language sql volatile as $$
  update concord.stream_settings s set scavenged_before = before
    where s.tenant_id = tenant and s.stream_name = stream and s.scavenged_before < before and not s.tombstoned;
$$;

-- As it was, and notes what it has removed.
create or replace function concord.scavenge(tenant text, at_most bigint) returns bigint
  language plpgsql volatile as $$
declare
  stream record;
  removed bigint := 0;
begin
  perform concord.lock_maintenance(tenant);
  -- One that was on its way when its stream was deleted.
  delete from concord.snapshots s
    using concord.stream_settings d
    where s.tenant_id = tenant and d.tenant_id = tenant and d.stream_name = s.stream_name
      and (d.tombstoned or d.deleted_at >= s.revision);
  for stream in
    with gone as (
      delete from concord.events e
        using (
          select hidden.global_position
          from concord.stream_settings s
          cross join lateral (select concord.hidden_before(tenant, s.stream_name) as before) kept
          join concord.events hidden on hidden.tenant_id = tenant and hidden.stream_name = s.stream_name
            and hidden.stream_position < kept.before
          where s.tenant_id = tenant
          order by hidden.stream_name, hidden.stream_position
          limit at_most
        ) doomed
        where e.tenant_id = tenant and e.global_position = doomed.global_position
        returning e.stream_name, e.stream_position
    )
    select g.stream_name as name, max(g.stream_position) + 1 as before, count(*) as events from gone g
    group by g.stream_name order by g.stream_name
  loop
    perform concord.note_scavenged(tenant, stream.name, stream.before);
    removed := removed + stream.events;
  end loop;
  return removed;
end $$;
