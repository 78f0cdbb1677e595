-- The event store: one table of events, one function that appends, one that says how far the feed may be read.

create schema if not exists concord;

-- Every event of every tenant. `data` is json and not jsonb: what was written comes back to the byte.
create table concord.events (
  tenant_id       text collate "C" not null,
  global_position bigint           not null,
  stream_name     text collate "C" not null,
  stream_position bigint           not null,
  event_id        uuid             not null,
  event_type      text collate "C" not null,
  data            json             not null,
  metadata        jsonb            not null,
  recorded_at     timestamptz      not null,
  constraint events_pkey primary key (tenant_id, global_position),
  constraint events_stream_key unique (tenant_id, stream_name, stream_position),
  constraint events_event_id_key unique (tenant_id, event_id)
);

-- 0 is drawn here, so that the first event has position 1 and "nothing read yet" is 0.
create sequence concord.global_position minvalue 0 start 0;
select nextval('concord.global_position');

-- The category is what stands before the first dash.
create function concord.category(stream_name text) returns text
  language sql immutable strict parallel safe
  return split_part(stream_name, '-', 1);

create index events_category_idx on concord.events (tenant_id, concord.category(stream_name), global_position);

-- Advisory locks. The upper 16 bits of the key say what it is for, so that nothing of ours meets anything of yours:
--   0x4C4D  the lock of a stream            (lower 48 bits: a hash of tenant and stream)
--   0x4C4E  an append under way             (lower 48 bits: the last position drawn before it drew its own)
--   0x4C4F  a projection's lock             (lower 48 bits: a hash of tenant and projection)
create function concord.lock_key(space integer, tenant text, name text) returns bigint
  language sql immutable strict parallel safe
  return (space::bigint << 48) | (hashtextextended(tenant || E'\x1f' || name, 0) & 281474976710655);

create function concord.stream_lock_key(tenant text, stream text) returns bigint
  language sql immutable strict parallel safe
  return concord.lock_key(x'4C4D'::integer, tenant, stream);

-- Locks streams until the transaction ends, always in the order of their keys, so that two callers never deadlock.
create function concord.lock_streams(tenant text, streams text[]) returns void
  language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(keys.key)
    from (select distinct concord.stream_lock_key(tenant, stream) as key from unnest(streams) as stream order by 1) keys;
end $$;

-- Locks a stream and reads what its aggregate needs of it. Two statements, because a statement sees what was committed
-- before it began: one that waited for the lock would read what was there before the wait.
create function concord.lock_and_load(tenant text, stream text) returns table (event_type text, data json)
  language plpgsql volatile as $$
#variable_conflict use_column
begin
  perform pg_advisory_xact_lock(concord.stream_lock_key(tenant, stream));
  return query
    select e.event_type, e.data from concord.events e
    where e.tenant_id = tenant and e.stream_name = stream
    order by e.stream_position;
end $$;

-- Marks this transaction as appending, and must run before it draws a position: see concord.feed_horizon.
create function concord.mark_append() returns void
  language sql volatile
  return pg_advisory_xact_lock_shared(
    (x'4C4E'::bigint << 48) | coalesce(pg_sequence_last_value('concord.global_position'), 0));

-- The position up to which the feed is settled: every event at or below it is committed and visible to the next
-- statement, or will never be. Positions are drawn before commit, so a later one may become visible first; a reader
-- that went beyond the horizon would miss the earlier one for ever.
--   Why it holds: `drawn` is read first. A position at or below it was drawn by a transaction that marked itself before
--   drawing. Either its mark is still there (then the horizon stays below its positions), or the transaction has ended,
--   and PostgreSQL makes a commit visible before it lets go of the locks.
--   Only appends under way hold it back; other open transactions, in this database or another, do not.
create function concord.feed_horizon() returns bigint
  language plpgsql volatile as $$
declare
  drawn bigint;
  under_way bigint;
begin
  if pg_is_in_recovery() then
    raise exception 'the feed is read from the primary: a standby does not know which appends are under way'
      using errcode = 'CN005';
  end if;
  drawn := coalesce(pg_sequence_last_value('concord.global_position'), 0);
  select min(((l.classid::bigint & 65535) << 32) | l.objid::bigint) into under_way
    from pg_locks l
    where l.locktype = 'advisory' and l.objsubid = 1 and l.classid::bigint >> 16 = x'4C4E'::bigint
      and l.database = (select d.oid from pg_database d where d.datname = current_database());
  return least(drawn, under_way);
end $$;

-- Which tenants have events, and up to which position they are settled: one index probe a tenant.
create function concord.tenant_heads(horizon bigint) returns table (tenant_id text, head bigint)
  language sql stable as $$
  with recursive tenants as (
    (select e.tenant_id from concord.events e order by e.tenant_id limit 1)
    union all
    select (select e.tenant_id from concord.events e where e.tenant_id > t.tenant_id order by e.tenant_id limit 1)
    from tenants t where t.tenant_id is not null
  )
  select t.tenant_id, settled.head
  from tenants t
  cross join lateral (
    select max(e.global_position) as head from concord.events e
    where e.tenant_id = t.tenant_id and e.global_position <= horizon
  ) settled
  where t.tenant_id is not null and settled.head is not null;
$$;

-- Whether a stream whose last event is at `actual` (-1: there is none) is as a writer expected it.
create function concord.meets(expected text, actual bigint) returns boolean
  language sql immutable parallel safe
  return case expected
    when 'any' then true
    when 'no-stream' then actual = -1
    when 'stream-exists' then actual >= 0
    else actual = expected::bigint
  end;

create function concord.refuse_version(stream text, expected text, actual bigint) returns void
  language plpgsql as $$
begin
  raise exception 'stream "%" is expected to be at % but is at %', stream, expected, actual
    using errcode = 'CN001',
      detail = json_build_object('stream', stream, 'expected', expected, 'actual', actual::text)::text;
end $$;

-- Appends one event to one stream: what most commands do, and half the work of concord.append, whose rules it keeps.
-- When the stream is locked by somebody it waits, or, without patience, does nothing and answers null.
create function concord.append_event(
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
  if not concord.meets(expected, actual) then
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

-- Group commit: appends many single events, each to a stream of its own (no stream and no event id twice), each with its
-- own verdict: a row comes back for each that was added. The others (locked by somebody, another version than expected,
-- there already) are left to concord.append_event, which waits, tells and recognises. Nobody waits here: who waited
-- would hold up the rest. `appends` is
--   [{"n": 0, "tenant", "stream", "expected", "id", "type", "data", "metadata"}, ..]
create function concord.append_events(appends json)
  returns table (n integer, last_stream_position bigint, global_position bigint, recorded_at timestamptz)
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  free integer[];
begin
  select array_agg(a.n) into free
    from json_to_recordset(appends) as a (n integer, tenant text, stream text)
    where pg_try_advisory_xact_lock(concord.stream_lock_key(a.tenant, a.stream));
  perform concord.mark_append();
  -- A statement of its own, whose snapshot is younger than the locks.
  return query
    with given as materialized (
      select a.*,
        coalesce((select max(e.stream_position) from concord.events e
                  where e.tenant_id = a.tenant and e.stream_name = a.stream), -1) as actual,
        exists (select from concord.events e where e.tenant_id = a.tenant and e.event_id = a.id) as known
      from json_to_recordset(appends) as a
        (n integer, tenant text, stream text, expected text, id uuid, type text, data json, metadata jsonb)
      where a.n = any (free)
    ), added as (
      insert into concord.events
        (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
        select g.tenant, nextval('concord.global_position'), g.stream, g.actual + 1, g.id, g.type, g.data,
          coalesce(g.metadata, '{}'), clock_timestamp()
        from given g
        where not g.known and concord.meets(g.expected, g.actual)
        order by g.n
        returning tenant_id, stream_name, stream_position, global_position, recorded_at
    )
    select g.n, a.stream_position, a.global_position, a.recorded_at
    from added a
    join given g on g.tenant = a.tenant_id and g.stream = a.stream_name;
end $$;

-- Appends to one or several streams, all or nothing. `appends` is
--   [{"stream": "account-1", "expected": "0", "events": [{"id", "type", "data", "metadata"}, ..]}, ..]
-- with expected a number as text, or no-stream, stream-exists, any. One row a stream comes back, in that order;
-- a repeated append (the same ids and content are there already) gives the last global position only.
-- Raises CN001 (wrong expected version) and CN002 (a repeat of one part only); an event id that is in use for another event breaks events_event_id_key.
create function concord.append(tenant text, appends json)
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
      where e.stream_name = item.stream and e.event_type = new.type and e.data::text = new.data::text;
    repeated := found_before = item.wanted;

    if not repeated then
      actual := coalesce(
        (select max(e.stream_position) from concord.events e where e.tenant_id = tenant and e.stream_name = item.stream),
        -1);
      if not concord.meets(item.expected, actual) then
        perform concord.refuse_version(item.stream, item.expected, actual);
      end if;
      last_stream_position := actual + item.wanted;
      with added as (
        insert into concord.events
          (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
          select tenant, nextval('concord.global_position'), item.stream, actual + new.ordinality, new.id, new.type,
            new.data, coalesce(new.metadata, '{}'), append.recorded_at
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

-- The last position that was drawn: every event appended so far is at or below it.
create function concord.last_position() returns bigint
  language sql volatile
  return coalesce(pg_sequence_last_value('concord.global_position'), 0);
