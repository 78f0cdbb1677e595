-- The life of a stream: what its metadata keep of it, soft delete, tombstone.

-- A row only for streams that have metadata: what every read and load looks up, and most do not find.
create table concord.stream_settings (
  tenant_id       text collate "C" not null,
  stream_name     text collate "C" not null,
  max_count       bigint,
  max_age         interval,
  truncate_before bigint,
  -- Where the stream ended when it was deleted: while it still ends there, it is deleted.
  deleted_at      bigint,
  tombstoned      boolean          not null default false,
  constraint stream_settings_pkey primary key (tenant_id, stream_name)
);

-- Nothing comes after it. A tombstone is an event at this position, so that whoever looks for the end of a stream finds it.
create function concord.tombstone_position() returns bigint
  language sql immutable parallel safe
  return 9223372036854775807;

-- The metadata of a stream are events of a stream of their own.
create function concord.metadata_stream(stream text) returns text
  language sql immutable strict parallel safe
  return '$$' || stream;

-- The position of a stream's last event, the tombstone included; -1 when there is none.
create function concord.stream_end(tenant text, stream text) returns bigint
  language sql stable
  return coalesce(
    (select max(e.stream_position) from concord.events e where e.tenant_id = tenant and e.stream_name = stream), -1);

-- The same as committed when it is called, not when the calling statement began.
create function concord.latest_end(tenant text, stream text) returns bigint
  language plpgsql volatile as $$
begin
  return coalesce(
    (select max(e.stream_position) from concord.events e where e.tenant_id = tenant and e.stream_name = stream), -1);
end $$;

-- Whether a stream that ends at `actual` is (softly) deleted.
create function concord.is_deleted(tenant text, stream text, actual bigint) returns boolean
  language sql stable
  return exists (select from concord.stream_settings s
    where s.tenant_id = tenant and s.stream_name = stream and s.deleted_at = actual);

-- Whether a stream whose last event is at `actual` (-1: there is none) is as a writer expected it. The settings are looked
-- at only where the position alone does not decide.
create function concord.meets(tenant text, stream text, expected text, actual bigint) returns boolean
  language sql stable
  return actual < concord.tombstone_position() and case expected
    when 'any' then true
    when 'no-stream' then actual = -1 or concord.is_deleted(tenant, stream, actual)
    when 'stream-exists' then actual >= 0 and not concord.is_deleted(tenant, stream, actual)
    else actual = expected::bigint
  end;

create function concord.refuse_deleted(stream text) returns void
  language plpgsql as $$
begin
  raise exception 'stream "%" has a tombstone', stream
    using errcode = 'CN003', detail = json_build_object('stream', stream)::text;
end $$;

-- For whom a softly deleted stream should exist, it does not.
create or replace function concord.refuse_version(stream text, expected text, actual bigint) returns void
  language plpgsql as $$
begin
  if actual = concord.tombstone_position() then
    perform concord.refuse_deleted(stream);
  end if;
  raise exception 'stream "%" is expected to be at % but is at %', stream, expected, actual
    using errcode = 'CN001',
      detail = json_build_object('stream', stream, 'expected', expected,
        'actual', case when expected = 'stream-exists' then -1 else actual end::text)::text;
end $$;

-- The first position of a stream that its metadata still show. A stream with a tombstone is refused (CN003).
-- The search by age goes by halves: it is made for every page that is read.
create function concord.first_kept(tenant text, stream text) returns bigint
  language plpgsql stable as $$
declare
  settings concord.stream_settings;
  first bigint;
  last bigint;
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
  last := last + 1;
  while first < last loop
    select e.stream_position, e.recorded_at > now() - settings.max_age as young into probe
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

-- States of aggregates, to spare the reading of the events behind them. Losing one is harmless. `first_position` is where
-- the replay began that made it: when the stream begins elsewhere by now, it is not what a replay would give.
create table concord.snapshots (
  tenant_id      text collate "C" not null,
  stream_name    text collate "C" not null,
  version        integer          not null,
  revision       bigint           not null,
  first_position bigint           not null,
  state          json             not null,
  taken_at       timestamptz      not null default clock_timestamp(),
  constraint snapshots_pkey primary key (tenant_id, stream_name)
);

-- Whether readers see an event of a stream; unlike concord.first_kept it answers for a stream with a tombstone.
create function concord.shows(tenant text, stream text, stream_position bigint) returns boolean
  language sql stable
  return case
    when concord.stream_end(tenant, stream) = concord.tombstone_position() then false
    else stream_position >= concord.first_kept(tenant, stream)
  end;

-- Which version an event's form has; null for the first, and where nobody asks.
create function concord.form_of(metadata jsonb, wanted boolean) returns integer
  language sql immutable parallel safe
  return case when wanted then (metadata ->> 'eventVersion')::integer end;

-- What aggregates need of locked streams of which some have settings, or snapshots of a version (null: none are wanted). A
-- row without a type says where its stream ends and, as its data, from where on it must be read; one with an empty type is
-- a snapshot. `form` is the version of an event's form, looked up only for who asks: others need not read the metadata.
create function concord.load_kept(tenant text, streams text[], wanted_version integer, with_forms boolean)
  returns table (stream_name text, stream_position bigint, event_type text, data json, form integer)
  language sql stable as $$
  with wanted as materialized (
    select w.stream, kept.first, w_end.last, taken.revision, taken.state
    from unnest(streams) as w (stream)
    cross join lateral (select concord.first_kept(tenant, w.stream) as first) kept
    cross join lateral (select concord.stream_end(tenant, w.stream) as last) w_end
    left join concord.snapshots taken
      on taken.tenant_id = tenant and taken.stream_name = w.stream and taken.version = wanted_version
        and taken.first_position = kept.first and taken.revision <= w_end.last
  )
  select w.stream, w.revision, '', w.state, null::integer from wanted w where w.revision is not null
  union all
  select w.stream, e.stream_position, e.event_type, e.data, concord.form_of(e.metadata, with_forms)
    from wanted w
    join concord.events e on e.tenant_id = tenant and e.stream_name = w.stream
      and e.stream_position >= coalesce(w.revision + 1, w.first)
  union all
  select w.stream, w.last, null, json_build_array(w.first, coalesce(w.revision + 1, w.first)), null from wanted w
  order by 1, 2;
$$;

create function concord.has_settings(tenant text, streams text[]) returns boolean
  language sql stable
  return exists (select from concord.stream_settings s where s.tenant_id = tenant and s.stream_name = any (streams));

-- As before, with positions, because a stream that was truncated does not begin at 0, and from a snapshot when there is
-- one of that version.
drop function concord.lock_and_load(text, text);
create function concord.lock_and_load(tenant text, stream text, wanted_version integer, with_forms boolean)
  returns table (stream_position bigint, event_type text, data json, form integer)
  language plpgsql volatile as $$
#variable_conflict use_column
begin
  perform pg_advisory_xact_lock(concord.stream_lock_key(tenant, stream));
  if wanted_version is not null
    or exists (select from concord.stream_settings s where s.tenant_id = tenant and s.stream_name = stream) then
    return query
      select l.stream_position, l.event_type, l.data, l.form
      from concord.load_kept(tenant, array[stream], wanted_version, with_forms) l;
  else
    return query
      select e.stream_position, e.event_type, e.data, concord.form_of(e.metadata, with_forms) from concord.events e
      where e.tenant_id = tenant and e.stream_name = stream
      order by e.stream_position;
  end if;
end $$;

-- The same for streams that were locked by a statement before this one.
create function concord.load_streams(tenant text, streams text[], wanted_version integer, with_forms boolean)
  returns table (stream_name text, stream_position bigint, event_type text, data json, form integer)
  language plpgsql volatile as $$
#variable_conflict use_column
begin
  if wanted_version is not null or concord.has_settings(tenant, streams) then
    return query select l.* from concord.load_kept(tenant, streams, wanted_version, with_forms) l;
  else
    return query
      select e.stream_name, e.stream_position, e.event_type, e.data, concord.form_of(e.metadata, with_forms)
      from concord.events e
      where e.tenant_id = tenant and e.stream_name = any (streams)
      order by e.stream_name, e.stream_position;
  end if;
end $$;

-- Keeps the newest snapshot of a stream that is neither deleted nor buried.
create function concord.save_snapshot(
  tenant text, stream text, version integer, revision bigint, first_position bigint, state json
) returns void
  language sql volatile as $$
  insert into concord.snapshots as s (tenant_id, stream_name, version, revision, first_position, state)
    select tenant, stream, version, revision, first_position, state
    where not exists (select from concord.stream_settings d
      where d.tenant_id = tenant and d.stream_name = stream
        and (d.tombstoned or d.deleted_at >= save_snapshot.revision))
    on conflict (tenant_id, stream_name) do update
      set version = excluded.version, revision = excluded.revision, first_position = excluded.first_position,
        state = excluded.state, taken_at = excluded.taken_at
      where s.version <> excluded.version or s.first_position <> excluded.first_position
        or s.revision < excluded.revision;
$$;

-- Appends new metadata and keeps stream_settings in step with them. `event` is {"id", "type", "data", "metadata"}; `stored`
-- is its data as they were stored: a deletion truncates before the next position.
create function concord.write_metadata(tenant text, stream text, expected text, event json, deleting boolean)
  returns table (last_stream_position bigint, global_positions bigint[], repeated boolean, recorded_at timestamptz,
    stored json)
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  actual bigint;
begin
  perform concord.lock_streams(tenant, array[stream, concord.metadata_stream(stream)]);
  actual := concord.stream_end(tenant, stream);
  if actual = concord.tombstone_position() then
    perform concord.refuse_deleted(stream);
  end if;
  stored := event -> 'data';
  if deleting then
    stored := stored::jsonb || jsonb_build_object('$tb', actual + 1);
  end if;
  select a.last_stream_position, a.global_positions, a.repeated, a.recorded_at
    into last_stream_position, global_positions, repeated, recorded_at
    from concord.append(tenant, json_build_array(json_build_object(
      'stream', concord.metadata_stream(stream), 'expected', expected, 'events', json_build_array(
        json_build_object('id', event -> 'id', 'type', event -> 'type', 'data', stored, 'metadata', event -> 'metadata'))))) a;
  if not repeated then
    if deleting then
      delete from concord.snapshots s where s.tenant_id = tenant and s.stream_name = stream;
    end if;
    insert into concord.stream_settings as s
      (tenant_id, stream_name, max_count, max_age, truncate_before, deleted_at)
      values (tenant, stream, (stored ->> '$maxCount')::bigint, (stored ->> '$maxAge')::bigint * interval '1 second',
        (stored ->> '$tb')::bigint, case when deleting then actual end)
      on conflict (tenant_id, stream_name) do update set max_count = excluded.max_count, max_age = excluded.max_age,
        truncate_before = excluded.truncate_before, deleted_at = excluded.deleted_at;
    -- Of the metadata only the last event counts.
    insert into concord.stream_settings (tenant_id, stream_name, max_count)
      values (tenant, concord.metadata_stream(stream), 1)
      on conflict do nothing;
  end if;
  return next;
end $$;

-- Soft delete: what is there is not shown any more, and what comes later goes on after it.
create function concord.delete_stream(tenant text, stream text, expected text, id uuid, metadata json) returns bigint
  language plpgsql volatile as $$
declare
  actual bigint;
  data json;
begin
  perform concord.lock_streams(tenant, array[stream, concord.metadata_stream(stream)]);
  actual := concord.stream_end(tenant, stream);
  if not concord.meets(tenant, stream, expected, actual) then
    perform concord.refuse_version(stream, expected, actual);
  end if;
  select e.data into data from concord.events e
    where e.tenant_id = tenant and e.stream_name = concord.metadata_stream(stream)
    order by e.stream_position desc limit 1;
  return (select w.global_positions[1] from concord.write_metadata(tenant, stream, 'any',
    json_build_object('id', id, 'type', '$metadata', 'metadata', metadata,
      'data', coalesce(data, '{}')), true) w);
end $$;

-- Tombstone: the stream is never written or read again.
create function concord.tombstone_stream(tenant text, stream text, expected text, id uuid, metadata json) returns bigint
  language plpgsql volatile as $$
declare
  actual bigint;
  drawn bigint;
begin
  perform concord.lock_streams(tenant, array[stream, concord.metadata_stream(stream)]);
  perform concord.mark_append();
  actual := concord.stream_end(tenant, stream);
  if not concord.meets(tenant, stream, expected, actual) then
    perform concord.refuse_version(stream, expected, actual);
  end if;
  drawn := nextval('concord.global_position');
  insert into concord.events
    (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
    values (tenant, drawn, stream, concord.tombstone_position(), id, '$streamDeleted', '{}', metadata, clock_timestamp());
  insert into concord.stream_settings (tenant_id, stream_name, tombstoned) values (tenant, stream, true)
    on conflict (tenant_id, stream_name) do update set tombstoned = true;
  delete from concord.snapshots s where s.tenant_id = tenant and s.stream_name = stream;
  return drawn;
end $$;

-- The three ways to append, as they were, but for the calls of concord.meets: it is told which stream it is about.

create or replace function concord.append_event(
  tenant text, stream text, expected text, id uuid, type text, data json, metadata jsonb, patient boolean,
  out last_stream_position bigint, out global_positions bigint[], out repeated boolean, out recorded_at timestamptz
) language plpgsql volatile as $$
declare
  actual bigint;
  drawn bigint;
begin
  if not pg_try_advisory_xact_lock(concord.stream_lock_key(tenant, stream)) then
    if not patient then
      return;
    end if;
    perform pg_advisory_xact_lock(concord.stream_lock_key(tenant, stream));
  end if;
  perform concord.mark_append();
  recorded_at := clock_timestamp();

  select e.stream_position, array[e.global_position] into last_stream_position, global_positions
    from concord.events e
    where e.tenant_id = tenant and e.event_id = id
      and e.stream_name = stream and e.event_type = type and e.data::text = append_event.data::text;
  repeated := found;
  if repeated then
    return;
  end if;

  actual := coalesce(
    (select max(e.stream_position) from concord.events e where e.tenant_id = tenant and e.stream_name = stream), -1);
  if not concord.meets(tenant, stream, expected, actual) then
    perform concord.refuse_version(stream, expected, actual);
  end if;

  last_stream_position := actual + 1;
  drawn := nextval('concord.global_position');
  global_positions := array[drawn];
  insert into concord.events
    (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
    values (tenant, drawn, stream, last_stream_position, id, type, append_event.data, coalesce(append_event.metadata, '{}'),
      append_event.recorded_at);
end $$;

create or replace function concord.append_batch(tenants text[], streams text[], expected text[], events json)
  returns table (n integer, stream_position bigint, global_position bigint, recorded_at timestamptz)
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  free integer[];
  now_at timestamptz;
begin
  select array_agg(a.n) into free
    from unnest(tenants, streams) with ordinality as a (tenant, stream, n)
    where pg_try_advisory_xact_lock(concord.stream_lock_key(a.tenant, a.stream));
  perform concord.mark_append();
  now_at := clock_timestamp();
  -- A statement of its own, whose snapshot is younger than the locks.
  return query
    with head as materialized (
      select ends.n, ends.tenant, ends.stream, ends.actual
      from (
        select a.n, a.tenant, a.stream, a.expected,
          coalesce((select max(e.stream_position) from concord.events e
                    where e.tenant_id = a.tenant and e.stream_name = a.stream), -1) as actual
        from unnest(tenants, streams, append_batch.expected) with ordinality as a (tenant, stream, expected, n)
        where a.n = any (free)
      ) ends
      where concord.meets(ends.tenant, ends.stream, ends.expected, ends.actual)
    ), given as materialized (
      select new.*, head.tenant, head.stream, head.actual + 1 + new.k as position,
        exists (select from concord.events e where e.tenant_id = head.tenant and e.event_id = new.id) as known
      from json_to_recordset(append_batch.events) as new
        (n integer, k integer, id uuid, type text, data json, metadata jsonb)
      join head on head.n = new.n
    ), placed as materialized (
      select g.*, nextval('concord.global_position') as drawn
      from given g
      where g.n <> all (array(select k.n from given k where k.known))
      order by g.n, g.k
    ), added as (
      insert into concord.events
        (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
        select p.tenant, p.drawn, p.stream, p.position, p.id, p.type, coalesce(p.data, 'null'), coalesce(p.metadata, '{}'), now_at
        from placed p
    )
    select p.n, p.position, p.drawn, now_at from placed p;
end $$;

create or replace function concord.append(tenant text, appends json)
  returns table (last_stream_position bigint, global_positions bigint[], repeated boolean, recorded_at timestamptz)
  language plpgsql volatile as $$
declare
  item record;
  actual bigint;
  found_before bigint;
  some_repeated boolean := false;
  some_added boolean := false;
begin
  perform concord.lock_streams(tenant, array(select a.stream from json_to_recordset(appends) as a (stream text)));
  perform concord.mark_append();
  recorded_at := clock_timestamp();
  for item in
    select a.stream, a.expected, a.events, json_array_length(a.events) as wanted
    from json_to_recordset(appends) as a (stream text, expected text, events json)
  loop
    select count(*), max(e.stream_position), array[max(e.global_position)]
      into found_before, last_stream_position, global_positions
      from json_to_recordset(item.events) as new (id uuid, type text, data json)
      join concord.events e on e.tenant_id = tenant and e.event_id = new.id
      where e.stream_name = item.stream and e.event_type = new.type and e.data::text = coalesce(new.data::text, 'null');
    repeated := found_before = item.wanted;

    if not repeated then
      actual := coalesce(
        (select max(e.stream_position) from concord.events e where e.tenant_id = tenant and e.stream_name = item.stream),
        -1);
      if not concord.meets(tenant, item.stream, item.expected, actual) then
        perform concord.refuse_version(item.stream, item.expected, actual);
      end if;
      last_stream_position := actual + item.wanted;
      with added as (
        insert into concord.events
          (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
          select tenant, nextval('concord.global_position'), item.stream, actual + new.ordinality, new.id, new.type,
            coalesce(new.data, 'null'), coalesce(new.metadata, '{}'), append.recorded_at
          from rows from (json_to_recordset(item.events) as (id uuid, type text, data json, metadata jsonb))
            with ordinality as new (id, type, data, metadata, ordinality)
          order by new.ordinality
          returning events.global_position
      )
      select array_agg(a.global_position order by a.global_position) into global_positions from added a;
    end if;
    some_repeated := some_repeated or repeated;
    some_added := some_added or not repeated;
    return next;
  end loop;
  if some_repeated and some_added then
    raise exception 'some events of this append are there already, others are not' using errcode = 'CN002';
  end if;
end $$;

drop function concord.meets(text, bigint);

-- Scavenging and archiving. Of a stream only the first events are ever taken away, and never the last one, which says where
-- it ends: what is left of it has no gap.

-- One of either at a time for a tenant. The space 0x4C5A is that of lock keys, see 0001_event_store.sql.
create function concord.lock_maintenance(tenant text) returns void
  language sql volatile
  return pg_advisory_xact_lock(concord.lock_key(x'4C5A'::integer, tenant, ''));

-- The first position of a stream that stays when it is scavenged.
create function concord.hidden_before(tenant text, stream text) returns bigint
  language sql stable
  return case
    when concord.stream_end(tenant, stream) = concord.tombstone_position() then concord.tombstone_position()
    else least(concord.first_kept(tenant, stream), concord.stream_end(tenant, stream))
  end;

-- Removes events that their streams show no more, so many at most; answers how many.
create function concord.scavenge(tenant text, at_most bigint) returns bigint
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
      limit at_most
    ) doomed
    where e.tenant_id = tenant and e.global_position = doomed.global_position;
  get diagnostics removed = row_count;
  return removed;
end $$;

-- The manifest: files of events that were taken out of concord.events, in the transaction that added the row.
create table concord.archives (
  tenant_id      text collate "C" not null,
  archive_id     bigint           generated always as identity,
  file           text             not null,
  sha256         text             not null,
  events         integer          not null,
  first_position bigint           not null,
  last_position  bigint           not null,
  archived_at    timestamptz      not null default clock_timestamp(),
  constraint archives_pkey primary key (tenant_id, archive_id)
);

create index archives_position_idx on concord.archives (tenant_id, last_position);

-- Which events of a stream are in which file: from one position to another, without gaps.
create table concord.archived_streams (
  tenant_id      text collate "C" not null,
  stream_name    text collate "C" not null,
  first_position bigint           not null,
  last_position  bigint           not null,
  archive_id     bigint           not null,
  constraint archived_streams_pkey primary key (tenant_id, stream_name, first_position),
  constraint archived_streams_archive_fkey foreign key (tenant_id, archive_id) references concord.archives
);

-- Up to which global position something of a tenant is archived; null when nothing is.
create function concord.archived_through(tenant text) returns bigint
  language sql stable
  return (select max(a.last_position) from concord.archives a where a.tenant_id = tenant);
