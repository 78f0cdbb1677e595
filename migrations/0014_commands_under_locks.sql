-- Commands that decide under the locks of the lock service, and without a transaction until they commit.

-- Refuses the transaction (CN001) unless each of these streams ends there (-1: it has no event) and nothing of it is hidden or
-- ever will be; and nobody appends to them before the transaction has ended. For streams that were read only: those who read
-- the same do not wait for each other.
create function concord.assert_ends(tenant text, streams text[], ends bigint[]) returns void
  language plpgsql volatile
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  moved record;
begin
  perform pg_advisory_xact_lock_shared(keys.key)
    from (select distinct concord.stream_lock_key(tenant, s.stream) as key from unnest(streams) as s (stream) order by 1) keys;
  -- A statement of its own, whose snapshot is younger than the locks.
  select w.stream, w.expected, w.actual into moved
    from (
      select s.stream, s.expected, concord.whole_end(tenant, s.stream) as actual
      from unnest(streams, ends) as s (stream, expected) offset 0
    ) w
    where w.actual <> w.expected
    limit 1;
  if found then
    perform concord.refuse_version(moved.stream, moved.expected::text, moved.actual);
  end if;
end $$;

-- As it was for one bucket, and makes the 64 that lie together: with one at a time each of the first 65,536 locks of new streams
-- took five times as long. True when the caller has made, and so locked, the bucket itself.
create or replace function concord.make_lock_bucket(number integer) returns boolean
  language plpgsql volatile
  set enable_seqscan to off
as $$
declare
  current_life bigint;
  made integer[];
begin
  select l.life into current_life from concord.lock_life l;
  if not found then
    insert into concord.lock_life (life) values (nextval('concord.lock_lives')) on conflict do nothing;
    select l.life into strict current_life from concord.lock_life l;
  end if;
  with added as (
    insert into concord.lock_buckets (bucket, tokens, holds)
      select n.bucket, current_life << 36, array(
        select row(p.tenant, p.stream, p.owner, p.session, p.started, p.origin, p.mode, p.token, true)::concord.lock_hold
        from concord.prepared_locks p where p.bucket = n.bucket)
      from generate_series(number & ~63, number | 63) as n (bucket)
      order by n.bucket
      on conflict do nothing
      returning bucket
  )
  select array_agg(a.bucket) into made from added a;
  return coalesce(number = any (made), false);
end $$;

-- As it was, one lock after the other: a single statement for all of them took longer to begin than eight locks took. What
-- nobody else has to do with, no other lock in the bucket and nobody waiting, is an update of one row; all else is left to the
-- functions that look closer. The older of two that ask for one lock at once is to come first.
create or replace function concord.lock_turn(
  me uuid,
  r_owners uuid[], r_tenants text[], r_streams text[], r_waits_only boolean[],
  a_owners uuid[], a_starts bigint[], a_origins uuid[], a_tenants text[], a_streams text[], a_modes text[],
  out alive boolean, out granted integer[], out tokens text, out again_released integer[], out again integer[], out news json)
  language plpgsql volatile
  set enable_seqscan to off
as $$
declare
  number integer;
  count integer;
  held concord.lock_hold[];
  drawn bigint;
  is_wounded boolean;
  doomed uuid[] := '{}';
  missing integer[] := '{}';
  heard concord.lock_news[] := '{}';
  n integer;
begin
  granted := '{}';
  tokens := '';
  select exists (select from concord.lock_sessions s where s.session = me and s.expires_at > clock_timestamp()),
      exists (select from concord.lock_wounds w where w.session = me)
    into alive, is_wounded;
  if is_wounded then
    delete from concord.lock_wounds w where w.session = me and exists (
      select from unnest(r_owners, r_waits_only) as r (owner, waits_only) where r.owner = w.owner and not r.waits_only);
    doomed := array(select w.owner from concord.lock_wounds w where w.session = me);
    heard := array(select row('wounded', w.session, w.owner, w.tenant, w.stream, null, null)::concord.lock_news
      from concord.lock_wounds w where w.session = me);
  end if;

  for n in 1 .. cardinality(r_owners) loop
    number := concord.lock_bucket(r_tenants[n], r_streams[n]);
    select b.waiting, b.holds into count, held
      from concord.lock_buckets b where b.bucket = number for update skip locked;
    if not found then
      -- A bucket that is not there holds nothing.
      if exists (select from concord.lock_buckets b where b.bucket = number) then
        again_released := again_released || n;
      end if;
    elsif count = 0 and cardinality(held) = 1 and not r_waits_only[n] and not (held[1]).prepared
      and (held[1]).owner = r_owners[n] and (held[1]).stream = r_streams[n] and (held[1]).tenant = r_tenants[n]
    then
      update concord.lock_buckets b set holds = '{}' where b.bucket = number;
    else
      heard := heard || array(
        select x from concord.give_up_lock(number, r_owners[n], r_tenants[n], r_streams[n], r_waits_only[n]) x);
    end if;
  end loop;

  if alive then
    for n in 1 .. cardinality(a_owners) loop
      continue when is_wounded and a_owners[n] = any (doomed);
      number := concord.lock_bucket(a_tenants[n], a_streams[n]);
      select b.waiting, b.holds, b.tokens into count, held, drawn
        from concord.lock_buckets b where b.bucket = number for update skip locked;
      if not found then
        if exists (select from concord.lock_buckets b where b.bucket = number) then
          again := again || n;
        else
          missing := missing || n;
        end if;
      elsif count = 0 and cardinality(held) = 0 then
        drawn := drawn + 1;
        update concord.lock_buckets b set tokens = drawn, holds = array[row(
            a_tenants[n], a_streams[n], a_owners[n], me, a_starts[n], a_origins[n], a_modes[n], drawn, false)::concord.lock_hold]
          where b.bucket = number;
        granted := granted || n;
        tokens := tokens || case when tokens = '' then '' else ',' end || drawn;
      else
        heard := heard || array(select x from concord.ask_lock(number, row(
          a_tenants[n], a_streams[n], a_owners[n], me, a_starts[n], a_origins[n], a_modes[n], null, false)::concord.lock_hold) x);
      end if;
    end loop;
    -- In the order of the buckets: two that make the same ones do not wait for each other in a circle.
    foreach n in array array(
      select m.n from unnest(missing) as m (n) order by concord.lock_bucket(a_tenants[m.n], a_streams[m.n]), a_starts[m.n])
    loop
      number := concord.lock_bucket(a_tenants[n], a_streams[n]);
      if not concord.make_lock_bucket(number) then
        -- Another one has made it, or this turn, for the one before; a row that is ours already is not skipped.
        perform from concord.lock_buckets b where b.bucket = number for update skip locked;
        if not found then
          again := again || n;
          continue;
        end if;
      end if;
      heard := heard || array(select x from concord.ask_lock(number, row(
        a_tenants[n], a_streams[n], a_owners[n], me, a_starts[n], a_origins[n], a_modes[n], null, false)::concord.lock_hold) x);
    end loop;
  end if;
  if cardinality(heard) > 0 then
    news := (select json_agg(json_build_object('kind', x.kind, 'session', x.session, 'owner', x.owner, 'tenant', x.tenant,
      'stream', x.stream, 'mode', x.mode, 'token', x.token::text)) from unnest(heard) x);
  end if;
end $$;

-- Group commit of commands that hold locks: many at once, each with its own verdict and all or nothing. A row comes back, of
-- parallel lists, an item for each event that was added: of which place it is (a stream of a command, from 1), and where it is.
-- What is not in `committed` is left to its own transaction, which waits, tells and recognises: a place that somebody has in
-- hand, that is not held by its token any more or not where it was read, an event that is there already. Nobody waits here.
--   Places are locks that commands hold: `commands` says whose (from 1), `writes` whether it adds to the stream. `events` is
--   [{"n": place, "k": from 0, "id", "type", "data", "metadata"}, ..]
create function concord.commit_fenced(
  commands integer[], tenants text[], streams text[], owners uuid[], held_tokens bigint[], ends bigint[], writes boolean[],
  events json,
  out committed integer[], out places integer[], out stream_positions text, out global_positions text,
  out recorded_at timestamptz)
  language plpgsql volatile
  set lock_timeout to '200ms'
  set enable_seqscan to off
  set enable_hashjoin to off
  set enable_mergejoin to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  refused integer[];
begin
  -- Those who share a lock may commit at the same time. Whoever would take a lock away has to have this one alone.
  refused := array(
    select p.command from unnest(commands, tenants, streams, writes) as p (command, tenant, stream, is_written)
    where not case when p.is_written
      then pg_try_advisory_xact_lock(concord.stream_lock_key(p.tenant, p.stream))
      else pg_try_advisory_xact_lock_shared(concord.stream_lock_key(p.tenant, p.stream)) end);
  perform concord.mark_append();
  recorded_at := clock_timestamp();
  -- A statement of its own, whose snapshot is younger than the locks.
  refused := refused || array(
    select p.command
    from unnest(commands, tenants, streams, owners, held_tokens, ends)
      as p (command, tenant, stream, owner, token, expected)
    where p.command <> all (refused)
      and (not exists (
          select from concord.lock_buckets b, unnest(b.holds) h
          where b.bucket = concord.lock_bucket(p.tenant, p.stream)
            and h.owner = p.owner and h.token = p.token and h.stream = p.stream and h.tenant = p.tenant)
        or concord.whole_end(p.tenant, p.stream) <> p.expected));
  refused := refused || array(
    select commands[new.n]
    from json_to_recordset(commit_fenced.events) as new (n integer, id uuid)
    -- By a probe each: exists() may be planned as one look at all there is.
    where (select e.global_position from concord.events e
           where e.tenant_id = tenants[new.n] and e.event_id = new.id) is not null);
  committed := array(select distinct c from unnest(commands) c where c <> all (refused));
  with placed as materialized (
    select new.*, ends[new.n] + 1 + new.k as position, nextval('concord.global_position') as drawn
    from (
      select g.* from json_to_recordset(commit_fenced.events) as g (n integer, k integer, id uuid, type text, data json, metadata jsonb)
      where commands[g.n] = any (committed)
      order by g.n, g.k
    ) new
  ), added as (
    insert into concord.events
      (tenant_id, global_position, stream_name, stream_position, event_id, event_type, data, metadata, recorded_at)
      select tenants[p.n], p.drawn, streams[p.n], p.position, p.id, p.type, coalesce(p.data, 'null'),
        coalesce(p.metadata, '{}'), commit_fenced.recorded_at
      from placed p
  )
  select array_agg(p.n order by p.n, p.k), string_agg(p.position::text, ',' order by p.n, p.k),
    string_agg(p.drawn::text, ',' order by p.n, p.k)
    into places, stream_positions, global_positions
    from placed p;
end $$;
