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
