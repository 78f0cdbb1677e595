-- The lock service: who holds the lock of a stream, who waits for it, and in which order they get it. What counts is the
-- database's clock. These tables are unlogged: a crash of the server empties them, and so releases every lock that was not
-- prepared; prepared ones are in a table that is not.

-- A lock held by an owner, a transaction of a session. `started` (microseconds) and `origin` are its age, the same for each
-- attempt of one transaction.
create type concord.lock_hold as (
  tenant   text collate "C",
  stream   text collate "C",
  owner    uuid,
  session  uuid,
  started  bigint,
  origin   uuid,
  mode     text,
  token    bigint,
  prepared boolean
);

-- Something that a session is to learn of: 'granted' or 'wounded'.
create type concord.lock_news as (
  kind    text,
  session uuid,
  owner   uuid,
  tenant  text collate "C",
  stream  text collate "C",
  mode    text,
  token   bigint
);

-- Locks live in a fixed number of rows, chosen by hash, which are made when they are first needed and never deleted: to
-- acquire and to release are updates of no indexed column, and what they leave behind is cleared away by the next visitor of
-- the page (HOT), at the same rate for ever. With rows that come and go, dead ones piled up and rates halved in minutes.
-- Whoever changes a row has locked it first. `tokens` is the last fencing token drawn, `waiting` how many wait here.
create unlogged table concord.lock_buckets (
  bucket  integer             not null,
  tokens  bigint              not null,
  waiting integer             not null default 0,
  holds   concord.lock_hold[] not null,
  constraint lock_buckets_pkey primary key (bucket)
) with (fillfactor = 25);

-- Only those who cannot have it at once. The oldest comes first.
create unlogged table concord.lock_waiters (
  bucket   integer          not null,
  tenant   text collate "C" not null,
  stream   text collate "C" not null,
  started  bigint           not null,
  origin   uuid             not null,
  owner    uuid             not null,
  session  uuid             not null,
  mode     text             not null,
  asked_at timestamptz      not null default clock_timestamp(),
  constraint lock_waiters_pkey primary key (bucket, tenant, stream, started, origin, owner)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- The lease is the session's, one for all its owners: a heartbeat is one update, whatever is held. It is never prolonged once
-- it has ended.
create unlogged table concord.lock_sessions (
  session    uuid        not null,
  label      text        not null,
  expires_at timestamptz not null,
  constraint lock_sessions_pkey primary key (session)
) with (fillfactor = 50);

-- Owners that had to give way to an older one and may not know it yet: none of their tokens counts any more. A row for each
-- lock they lost: two turns that wound the same owners at once must not wait for each other.
create unlogged table concord.lock_wounds (
  session uuid             not null,
  owner   uuid             not null,
  tenant  text collate "C" not null,
  stream  text collate "C" not null,
  constraint lock_wounds_pkey primary key (session, owner, tenant, stream)
);

create table concord.prepared_locks (
  owner   uuid             not null,
  tenant  text collate "C" not null,
  stream  text collate "C" not null,
  bucket  integer          not null,
  session uuid             not null,
  started bigint           not null,
  origin  uuid             not null,
  mode    text             not null,
  token   bigint           not null,
  constraint prepared_locks_pkey primary key (owner, tenant, stream)
);
create index prepared_locks_bucket_idx on concord.prepared_locks (bucket);

-- Fencing tokens grow also across a crash that forgets the last ones: each begins with the number of the life of the unlogged
-- tables it was drawn in. The sequence itself is durable, and drawn from once a life.
create sequence concord.lock_lives;
create unlogged table concord.lock_life (
  single boolean not null default true check (single),
  life   bigint  not null,
  constraint lock_life_pkey primary key (single)
);

create function concord.lock_bucket(tenant text, stream text) returns integer
  language sql immutable strict parallel safe
  return (concord.stream_lock_key(tenant, stream) & 65535)::integer;

-- S with S, and S with U; nothing else. Who holds U means to ask for X: two who hold S and then both want X would not get it.
create function concord.modes_conflict(one text, other text) returns boolean
  language sql immutable strict parallel safe
  return one = 'X' or other = 'X' or (one = 'U' and other = 'U');

create function concord.mode_covers(held text, wanted text) returns boolean
  language sql immutable strict parallel safe
  return position(wanted in 'SUX') <= position(held in 'SUX');

create function concord.lock_session_lives(id uuid) returns boolean
  language sql stable
  return exists (select from concord.lock_sessions s where s.session = id and s.expires_at > clock_timestamp());

-- Makes a bucket's row and locks it, with what was prepared before a crash. False when it is there already.
create function concord.make_lock_bucket(number integer) returns boolean
  language plpgsql volatile as $$
declare
  current_life bigint;
begin
  select l.life into current_life from concord.lock_life l;
  if not found then
    insert into concord.lock_life (life) values (nextval('concord.lock_lives')) on conflict do nothing;
    select l.life into strict current_life from concord.lock_life l;
  end if;
  insert into concord.lock_buckets (bucket, tokens, holds)
    select number, current_life << 36, array(
      select row(p.tenant, p.stream, p.owner, p.session, p.started, p.origin, p.mode, p.token, true)::concord.lock_hold
      from concord.prepared_locks p where p.bucket = number)
    on conflict do nothing;
  return found;
end $$;

-- Gives a lock, whose bucket the caller has locked, to whoever is next: from the oldest that waits on, each that conflicts
-- with nobody who holds it and nobody who waits longer. Takes it from owners that are younger than who waits (wound-wait), or
-- whose session has died, unless they are prepared, or committing at this moment: then they hold the stream's advisory lock
-- (concord.fence_locks), and who waits looks again.
--   Nobody ever waits for a younger one, but for prepared ones, and those wait for nobody: no circle, so no deadlock. For this
-- the queue is ordered by age and not by arrival.
create function concord.settle_lock(number integer, of_tenant text, of_stream text) returns setof concord.lock_news
  language plpgsql volatile
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  kept concord.lock_hold[];
  drawn bigint;
  gone integer := 0;
  is_changed boolean := false;
  is_blocked boolean;
  update_waits boolean := false;
  waiter concord.lock_waiters;
  held concord.lock_hold;
begin
  select b.holds, b.tokens into strict kept, drawn from concord.lock_buckets b where b.bucket = number;
  for waiter in
    select * from concord.lock_waiters w
    where w.bucket = number and w.tenant = of_tenant and w.stream = of_stream
    order by w.started, w.origin, w.owner
  loop
    if not concord.lock_session_lives(waiter.session) then
      delete from concord.lock_waiters w
        where w.bucket = number and w.tenant = of_tenant and w.stream = of_stream
          and w.started = waiter.started and w.origin = waiter.origin and w.owner = waiter.owner;
      gone := gone + 1;
      continue;
    end if;
    continue when waiter.mode = 'U' and update_waits;
    is_blocked := update_waits and waiter.mode = 'X';
    foreach held in array kept loop
      continue when held.stream <> of_stream or held.tenant <> of_tenant or held.owner = waiter.owner
        or not concord.modes_conflict(held.mode, waiter.mode);
      -- Of the same age is an earlier attempt of the same transaction.
      if not held.prepared
        and ((waiter.started, waiter.origin) <= (held.started, held.origin)
          or not concord.lock_session_lives(held.session))
        and pg_try_advisory_xact_lock(concord.stream_lock_key(of_tenant, of_stream))
      then
        kept := array_remove(kept, held);
        is_changed := true;
        insert into concord.lock_wounds (session, owner, tenant, stream)
          select held.session, held.owner, of_tenant, of_stream where concord.lock_session_lives(held.session)
          on conflict do nothing;
        return next ('wounded', held.session, held.owner, of_tenant, of_stream, held.mode, held.token)::concord.lock_news;
      else
        is_blocked := true;
      end if;
    end loop;
    if is_blocked then
      -- Behind one who waits to read or to write all have to wait; behind one who may write later, readers do not.
      exit when waiter.mode <> 'U';
      update_waits := true;
      continue;
    end if;
    drawn := drawn + 1;
    kept := array(select h from unnest(kept) h
        where (h.tenant, h.stream, h.owner) is distinct from (of_tenant, of_stream, waiter.owner))
      || row(of_tenant, of_stream, waiter.owner, waiter.session, waiter.started, waiter.origin, waiter.mode, drawn, false)
        ::concord.lock_hold;
    delete from concord.lock_waiters w
      where w.bucket = number and w.tenant = of_tenant and w.stream = of_stream
        and w.started = waiter.started and w.origin = waiter.origin and w.owner = waiter.owner;
    gone := gone + 1;
    return next ('granted', waiter.session, waiter.owner, of_tenant, of_stream, waiter.mode, drawn)::concord.lock_news;
  end loop;
  if gone > 0 or is_changed then
    update concord.lock_buckets b set holds = kept, tokens = drawn, waiting = b.waiting - gone where b.bucket = number;
  end if;
end $$;

-- Asks for a lock whose bucket the caller has locked: it is granted at once, or the owner waits.
create function concord.ask_lock(number integer, ask concord.lock_hold) returns setof concord.lock_news
  language plpgsql volatile
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  held concord.lock_hold;
begin
  select h.* into held
    from concord.lock_buckets b, unnest(b.holds) h
    where b.bucket = number and h.tenant = ask.tenant and h.stream = ask.stream and h.owner = ask.owner;
  if found and concord.mode_covers(held.mode, ask.mode) then
    return next ('granted', ask.session, ask.owner, ask.tenant, ask.stream, held.mode, held.token)::concord.lock_news;
    return;
  end if;
  insert into concord.lock_waiters (bucket, tenant, stream, started, origin, owner, session, mode)
    values (number, ask.tenant, ask.stream, ask.started, ask.origin, ask.owner, ask.session, ask.mode)
    on conflict do nothing;
  if found then
    update concord.lock_buckets b set waiting = b.waiting + 1 where b.bucket = number;
  else
    update concord.lock_waiters w set mode = ask.mode
      where w.bucket = number and w.tenant = ask.tenant and w.stream = ask.stream
        and w.started = ask.started and w.origin = ask.origin and w.owner = ask.owner
        and not concord.mode_covers(w.mode, ask.mode);
  end if;
  return query select * from concord.settle_lock(number, ask.tenant, ask.stream);
end $$;

-- Gives up a lock, and a wait for it, whose bucket the caller has locked; what is prepared stays. `waits_only`: the wait alone.
create function concord.give_up_lock(number integer, of_owner uuid, of_tenant text, of_stream text, waits_only boolean)
  returns setof concord.lock_news
  language plpgsql volatile
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  gone integer;
begin
  delete from concord.lock_waiters w
    where w.bucket = number and w.tenant = of_tenant and w.stream = of_stream and w.owner = of_owner;
  get diagnostics gone = row_count;
  update concord.lock_buckets b set waiting = b.waiting - gone, holds = array(
      select h from unnest(b.holds) h
      where waits_only or h.prepared or (h.tenant, h.stream, h.owner) is distinct from (of_tenant, of_stream, of_owner))
    where b.bucket = number;
  return query select * from concord.settle_lock(number, of_tenant, of_stream);
end $$;

-- One turn of a session: what its owners give up and ask for, all at once. Nobody waits here, neither for a lock nor for a
-- row that another turn, or a transaction that prepares, has in hand: that is answered in `again_released` and `again`, to be
-- sent again. `granted` and `tokens` are parallel lists of what was free (numbers from 1), `news` is all else, as
-- concord.lock_news, also for other sessions. Who is in none of these waits. Not alive: the session's lease has ended, and
-- nothing was acquired.
create function concord.lock_turn(
  me uuid,
  r_owners uuid[], r_tenants text[], r_streams text[], r_waits_only boolean[],
  a_owners uuid[], a_starts bigint[], a_origins uuid[], a_tenants text[], a_streams text[], a_modes text[],
  out alive boolean, out granted integer[], out tokens text, out again_released integer[], out again integer[], out news json)
  language plpgsql volatile
  set enable_seqscan to off
  set enable_hashjoin to off
  set enable_mergejoin to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  latched integer[];
  done integer[];
  is_wounded boolean;
  doomed uuid[] := '{}';
  heard concord.lock_news[] := '{}';
  item record;
begin
  -- What nobody else has to do with, no other lock in the bucket and nobody waiting, in one statement: nearly always all of it.
  -- A row that changed after the statement began is looked at again as it is then. Of two changes of one row one is left over.
  with given as materialized (
    select r.*, concord.lock_bucket(r.tenant, r.stream) as bucket
    from unnest(r_owners, r_tenants, r_streams, r_waits_only) with ordinality as r (owner, tenant, stream, waits_only, n)
  ), asked as materialized (
    select a.*, concord.lock_bucket(a.tenant, a.stream) as bucket
    from unnest(a_owners, a_starts, a_origins, a_tenants, a_streams, a_modes) with ordinality
      as a (owner, started, origin, tenant, stream, mode, n)
  ), ours as materialized (
    select b.bucket from concord.lock_buckets b
    where b.bucket = any (array(select g.bucket from given g union all select k.bucket from asked k))
    for update skip locked
  ), state as materialized (
    select array(select o.bucket from ours o) as latched,
      exists (select from concord.lock_sessions s where s.session = me and s.expires_at > clock_timestamp()) as alive,
      exists (select from concord.lock_wounds w where w.session = me) as is_wounded
  ), released as (
    update concord.lock_buckets b set holds = '{}'
      from given g
      where b.bucket = g.bucket and g.bucket = any ((select t.latched from state t)::integer[])
        and b.waiting = 0 and cardinality(b.holds) = 1
        and (b.holds[1]).owner = g.owner and (b.holds[1]).stream = g.stream and (b.holds[1]).tenant = g.tenant
        and not (b.holds[1]).prepared and not g.waits_only
      returning g.n::integer
  ), taken as (
    update concord.lock_buckets b set tokens = b.tokens + 1, holds = array[
        row(k.tenant, k.stream, k.owner, me, k.started, k.origin, k.mode, b.tokens + 1, false)::concord.lock_hold]
      from asked k
      where b.bucket = k.bucket and k.bucket = any ((select t.latched from state t)::integer[])
        and b.waiting = 0 and cardinality(b.holds) = 0 and (select t.alive and not t.is_wounded from state t)
      returning k.n::integer, b.tokens
  )
  select t.latched, t.alive, t.is_wounded, array(select x.n from released x), g.numbers, g.tokens
    into latched, alive, is_wounded, done, granted, tokens
    from state t,
      (select coalesce(array_agg(x.n), '{}') as numbers, coalesce(string_agg(x.tokens::text, ','), '') as tokens from taken x) g;
  if cardinality(done) = cardinality(r_owners) and cardinality(granted) = cardinality(a_owners) and not is_wounded then
    return;
  end if;

  if is_wounded then
    delete from concord.lock_wounds w where w.session = me and exists (
      select from unnest(r_owners, r_waits_only) as r (owner, waits_only) where r.owner = w.owner and not r.waits_only);
    doomed := array(select w.owner from concord.lock_wounds w where w.session = me);
    heard := array(select row('wounded', w.session, w.owner, w.tenant, w.stream, null, null)::concord.lock_news
      from concord.lock_wounds w where w.session = me);
  end if;
  for item in
    select r.*, concord.lock_bucket(r.tenant, r.stream) as bucket
      from unnest(r_owners, r_tenants, r_streams, r_waits_only) with ordinality as r (owner, tenant, stream, waits_only, n)
      where r.n <> all (done)
  loop
    if item.bucket = any (latched) then
      heard := heard || array(select x from concord.give_up_lock(
        item.bucket, item.owner, item.tenant, item.stream, item.waits_only) x);
    -- A bucket that is not there holds nothing.
    elsif exists (select from concord.lock_buckets b where b.bucket = item.bucket) then
      again_released := again_released || item.n::integer;
    end if;
  end loop;
  -- In the order of the buckets: two that make the same ones do not wait for each other in a circle.
  for item in
    select a.*, concord.lock_bucket(a.tenant, a.stream) as bucket
      from unnest(a_owners, a_starts, a_origins, a_tenants, a_streams, a_modes) with ordinality
        as a (owner, started, origin, tenant, stream, mode, n)
      where a.n <> all (granted) and a.owner <> all (doomed) and alive
      order by bucket, a.started, a.origin
  loop
    if item.bucket <> all (latched) and concord.make_lock_bucket(item.bucket) then
      latched := latched || item.bucket;
    end if;
    if item.bucket = any (latched) then
      heard := heard || array(select x from concord.ask_lock(item.bucket, row(
        item.tenant, item.stream, item.owner, me, item.started, item.origin, item.mode, null, false)::concord.lock_hold) x);
    else
      again := again || item.n::integer;
    end if;
  end loop;
  if cardinality(heard) > 0 then
    news := (select json_agg(json_build_object('kind', x.kind, 'session', x.session, 'owner', x.owner, 'tenant', x.tenant,
      'stream', x.stream, 'mode', x.mode, 'token', x.token::text)) from unnest(heard) x);
  end if;
end $$;

-- What a session that waits for locks has got meanwhile, as in concord.lock_turn. `settles`: whoever is next gets what is
-- free, should a crash or a commit under way have been in the way of it.
create function concord.look_at_locks(me uuid, tenants text[], streams text[], settles boolean, out alive boolean, out news json)
  language plpgsql volatile
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  heard concord.lock_news[] := '{}';
  item record;
begin
  alive := concord.lock_session_lives(me);
  if settles then
    for item in
      select concord.lock_bucket(l.tenant, l.stream) as bucket, l.tenant, l.stream
      from unnest(tenants, streams) as l (tenant, stream)
    loop
      perform from concord.lock_buckets b where b.bucket = item.bucket for update skip locked;
      if found then
        heard := heard || array(select x from concord.settle_lock(item.bucket, item.tenant, item.stream) x);
      end if;
    end loop;
  end if;
  heard := heard
    || array(
      select row('granted', h.session, h.owner, h.tenant, h.stream, h.mode, h.token)::concord.lock_news
      from unnest(tenants, streams) as l (tenant, stream)
      join concord.lock_buckets b on b.bucket = concord.lock_bucket(l.tenant, l.stream)
      cross join unnest(b.holds) h
      where h.session = me and h.tenant = l.tenant and h.stream = l.stream)
    || array(
      select row('wounded', w.session, w.owner, w.tenant, w.stream, null, null)::concord.lock_news
      from concord.lock_wounds w where w.session = me);
  news := (select json_agg(json_build_object('kind', x.kind, 'session', x.session, 'owner', x.owner, 'tenant', x.tenant,
    'stream', x.stream, 'mode', x.mode, 'token', x.token::text)) from unnest(heard) x);
end $$;

-- Releases what sessions held whose lease has ended, and answers who gets it. Read from end to end, and only then.
create function concord.reap_locks() returns setof concord.lock_news
  language plpgsql volatile as $$
declare
  item record;
  lock record;
begin
  delete from concord.lock_sessions s where s.session in (
    select e.session from concord.lock_sessions e where e.expires_at <= clock_timestamp() for update skip locked);
  if not found then
    return;
  end if;
  delete from concord.lock_wounds w where not concord.lock_session_lives(w.session);
  for item in
    select b.bucket, b.holds from concord.lock_buckets b where b.holds <> '{}' or b.waiting > 0 for update skip locked
  loop
    update concord.lock_buckets b set holds = array(
        select h from unnest(item.holds) h
        where h.prepared or concord.lock_session_lives(h.session)
          or not pg_try_advisory_xact_lock(concord.stream_lock_key(h.tenant, h.stream)))
      where b.bucket = item.bucket;
    for lock in select distinct w.tenant, w.stream from concord.lock_waiters w where w.bucket = item.bucket loop
      return query select * from concord.settle_lock(item.bucket, lock.tenant, lock.stream);
    end loop;
  end loop;
end $$;

-- A session's heartbeat: prolongs its lease, or begins it. Not alive: the lease has ended, and stays so.
create function concord.lock_beat(
  me uuid, label text, lease interval, begins boolean, out alive boolean, out moment timestamptz, out news json)
  language plpgsql volatile as $$
begin
  moment := clock_timestamp();
  if begins then
    insert into concord.lock_sessions (session, label, expires_at) values (me, lock_beat.label, moment + lease);
  else
    update concord.lock_sessions s set expires_at = moment + lease where s.session = me and s.expires_at > moment;
  end if;
  alive := found;
  news := (select json_agg(json_build_object('kind', x.kind, 'session', x.session, 'owner', x.owner, 'tenant', x.tenant,
      'stream', x.stream, 'mode', x.mode, 'token', x.token::text))
    from (
      select 'wounded' as kind, w.session, w.owner, w.tenant, w.stream, null as mode, null::bigint as token
      from concord.lock_wounds w where w.session = me
      union all
      select r.kind, r.session, r.owner, r.tenant, r.stream, r.mode, r.token from concord.reap_locks() r
    ) x);
end $$;

-- Refuses the transaction (CN040) unless the owner has each of these locks still, by its token; and nobody takes one away
-- before the transaction has ended, since whoever would has to have the stream's advisory lock.
create function concord.fence_locks(of_owner uuid, tenants text[], streams text[], held_tokens bigint[]) returns void
  language plpgsql volatile
  set enable_seqscan to off
as $$
declare
  lost record;
begin
  -- Shared: those who share a lock may commit at the same time, and nobody else can be there.
  perform pg_advisory_xact_lock_shared(keys.key)
    from (select distinct concord.stream_lock_key(l.tenant, l.stream) as key
          from unnest(tenants, streams) as l (tenant, stream) order by 1) keys;
  -- A statement of its own, whose snapshot is younger than the locks.
  select l.stream, l.token into lost
    from unnest(tenants, streams, held_tokens) as l (tenant, stream, token)
    where not exists (
      select from concord.lock_buckets b, unnest(b.holds) h
      where b.bucket = concord.lock_bucket(l.tenant, l.stream)
        and h.tenant = l.tenant and h.stream = l.stream and h.owner = of_owner and h.token = l.token)
    limit 1;
  if found then
    raise exception 'the lock of "%" with fencing token % is not held any more', lost.stream, lost.token
      using errcode = 'CN040';
  end if;
end $$;

-- Fences, and keeps the locks beyond the session, a crash and any older owner, from the commit on until
-- concord.release_prepared().
create function concord.prepare_locks(of_owner uuid, tenants text[], streams text[], held_tokens bigint[]) returns void
  language plpgsql volatile
  set enable_seqscan to off
as $$
declare
  number integer;
begin
  perform concord.fence_locks(of_owner, tenants, streams, held_tokens);
  for number in
    select distinct concord.lock_bucket(l.tenant, l.stream) from unnest(tenants, streams) as l (tenant, stream) order by 1
  loop
    perform from concord.lock_buckets b where b.bucket = number for update;
    insert into concord.prepared_locks (owner, tenant, stream, bucket, session, started, origin, mode, token)
      select h.owner, h.tenant, h.stream, number, h.session, h.started, h.origin, h.mode, h.token
      from concord.lock_buckets b, unnest(b.holds) h where b.bucket = number and h.owner = of_owner
      on conflict do nothing;
    update concord.lock_buckets b set holds = array(
        select row(h.tenant, h.stream, h.owner, h.session, h.started, h.origin, h.mode, h.token,
          h.prepared or h.owner = of_owner)::concord.lock_hold from unnest(b.holds) h)
      where b.bucket = number;
  end loop;
end $$;

-- Ends what was prepared; answers who gets the locks. In the transaction that commits the new values, or drops them.
create function concord.release_prepared(of_owner uuid) returns setof concord.lock_news
  language plpgsql volatile as $$
declare
  lock record;
begin
  for lock in
    delete from concord.prepared_locks p where p.owner = of_owner returning p.bucket, p.tenant, p.stream
  loop
    perform from concord.lock_buckets b where b.bucket = lock.bucket for update;
    update concord.lock_buckets b set holds = array(
        select h from unnest(b.holds) h
        where (h.tenant, h.stream, h.owner) is distinct from (lock.tenant, lock.stream, of_owner))
      where b.bucket = lock.bucket;
    if found then
      return query select * from concord.settle_lock(lock.bucket, lock.tenant, lock.stream);
    end if;
  end loop;
end $$;

-- Everything that is held, and everybody who waits. For who wants to see it, not for commands: it reads all buckets.
create view concord.held_locks as
  select h.tenant, h.stream, h.mode, h.token, h.owner, h.started, h.origin, h.session, s.label, s.expires_at, h.prepared
  from concord.lock_buckets b
  cross join unnest(b.holds) h
  left join concord.lock_sessions s on s.session = h.session
  where b.holds <> '{}'
  union all
  -- Not looked for since a crash.
  select p.tenant, p.stream, p.mode, p.token, p.owner, p.started, p.origin, p.session, null, null, true
  from concord.prepared_locks p
  where not exists (select from concord.lock_buckets b where b.bucket = p.bucket);

-- Who waits for whom.
create view concord.lock_waits as
  select w.tenant, w.stream, w.owner, w.mode, w.asked_at, h.owner as for_owner, h.mode as for_mode, true as is_held,
    h.prepared, h.token, h.session as for_session
  from concord.lock_waiters w
  join concord.lock_buckets b on b.bucket = w.bucket
  cross join unnest(b.holds) h
  where h.tenant = w.tenant and h.stream = w.stream and h.owner <> w.owner and concord.modes_conflict(h.mode, w.mode)
  union all
  select w.tenant, w.stream, w.owner, w.mode, w.asked_at, o.owner, o.mode, false, false, null, o.session
  from concord.lock_waiters w
  join concord.lock_waiters o on o.bucket = w.bucket and o.tenant = w.tenant and o.stream = w.stream
    and (o.started, o.origin) < (w.started, w.origin) and concord.modes_conflict(o.mode, w.mode);

-- Ends a session as if its lease had ended, but at once.
create function concord.end_lock_session(me uuid) returns setof concord.lock_news
  language plpgsql volatile as $$
begin
  update concord.lock_sessions s set expires_at = '-infinity' where s.session = me;
  return query select * from concord.reap_locks();
end $$;
