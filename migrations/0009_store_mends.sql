-- What a review of the store found.

-- As before, but that an age so large that it leads beyond the calendar is as good as a thousand years: what was stored
-- before there was a limit must not make a stream unreadable.
create or replace function concord.first_kept(tenant text, stream text) returns bigint
  language plpgsql stable as $$
declare
  settings concord.stream_settings;
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
  first := greatest(settings.truncate_before, last + 1 - settings.max_count, 0);
  if settings.max_age is null then
    return first;
  end if;
  oldest := now() - least(settings.max_age, interval '1000 years');
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
  return first;
end $$;

-- As before, but that the first events of a stream are always taken before later ones, so that it has no gap even when
-- scavenging stops between two rounds.
create or replace function concord.scavenge(tenant text, at_most bigint) returns bigint
  language plpgsql volatile as $$
declare
  removed bigint;
begin
  perform concord.lock_maintenance(tenant);
  -- One that was on its way when its stream was deleted.
  delete from concord.snapshots s
    using concord.stream_settings d
    where s.tenant_id = tenant and d.tenant_id = tenant and d.stream_name = s.stream_name
      and (d.tombstoned or d.deleted_at >= s.revision);
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
    where e.tenant_id = tenant and e.global_position = doomed.global_position;
  get diagnostics removed = row_count;
  return removed;
end $$;

-- Files whose events were scavenged, or written to another file without those: to be deleted from the archive folder. The
-- row goes in with the transaction that takes the file out of the manifest, and goes when the file has gone.
create table concord.dropped_archives (
  tenant_id  text collate "C" not null,
  file       text             not null,
  dropped_at timestamptz      not null default clock_timestamp(),
  constraint dropped_archives_pkey primary key (tenant_id, file)
);

-- It waits for no stream, but for an event id that another transaction is adding at the moment, or a lock on the table, any
-- insert has to wait, and with it all that travel with it: so it gives up soon (55P03), and each is left to a call of its own.
alter function concord.append_batch(text[], text[], text[], json) set lock_timeout to '200ms';

-- Planned while the table is small and not yet analysed, a plan that reads all of it would be kept by its connection while the
-- table grows: 800 such scans were seen in eight seconds, and a third of the rate.
alter function concord.append_batch(text[], text[], text[], json) set enable_seqscan to off;
alter function concord.append(text, json) set enable_seqscan to off;
alter function concord.lock_and_load(text, text, integer, boolean) set enable_seqscan to off;
alter function concord.load_streams(text, text[], integer, boolean) set enable_seqscan to off;
