-- The database's side of locks that are kept in Redis (docs/adr/0024-locks-on-redis.md): whatever Redis forgets, tells late or
-- gives twice, a commit is refused whose locks are others' by now, and nobody passes a prepared lock.
--   Everything here goes by the advisory locks of the streams (concord.stream_lock_key), and by one more, that of the life:
-- who commits holds it shared, and who begins a new life needs it alone.

-- One life is what one Redis server remembers from its start on: what it holds after a restart or a failover is not trusted.
-- Fencing tokens begin with its number, drawn from concord.lock_lives. `namespace` and the database's number are the names of
-- the keys in Redis.
create table concord.redis_lock_life (
  single    boolean not null default true check (single),
  namespace uuid    not null default gen_random_uuid(),
  life      bigint  not null default 0,
  birth     text    not null default '',
  constraint redis_lock_life_pkey primary key (single)
) with (fillfactor = 50);
insert into concord.redis_lock_life default values;

-- Tokens below these are refused: for those who share the lock (S), and for those who write or may (U, X). `owner` is who
-- committed with that token itself; null where a lock was taken away.
create table concord.lock_fences (
  tenant       text collate "C" not null,
  stream       text collate "C" not null,
  readers_from bigint           not null,
  writers_from bigint           not null,
  owner        uuid,
  constraint lock_fences_pkey primary key (tenant, stream)
) with (fillfactor = 50);

create function concord.redis_life_key() returns bigint
  language sql immutable parallel safe
  return hashtextextended('concord redis lock life', 0);

-- The number of the life that began with this birth; a new one when nobody has drawn it yet. It waits for the commits of the
-- life before; later ones are refused.
create function concord.begin_redis_life(of_birth text) returns bigint
  language plpgsql volatile as $$
declare
  current_life bigint;
begin
  perform pg_advisory_xact_lock(concord.redis_life_key());
  update concord.redis_lock_life l
    set life = case l.birth when of_birth then l.life else nextval('concord.lock_lives') end, birth = of_birth
    returning l.life into strict current_life;
  return current_life;
end $$;

-- Before a lock is taken in Redis from somebody who has not given it up: refuses from now on, where it can, whoever holds it
-- in a mode that conflicts with this one and with a token below. `busy`: somebody is committing there at this moment.
-- `prepared`: what somebody else has prepared there is never taken. `superseded`: this life is over.
create function concord.raise_lock_fences(
  of_life bigint, of_owners uuid[], tenants text[], streams text[], modes text[], tokens bigint[])
  returns table (n integer, outcome text)
  language plpgsql volatile
  set enable_seqscan to off
as $$
declare
  item record;
  is_current boolean;
begin
  perform pg_advisory_xact_lock_shared(concord.redis_life_key());
  is_current := exists (select from concord.redis_lock_life l where l.life = of_life);
  for item in
    select * from unnest(of_owners, tenants, streams, modes, tokens) with ordinality as i (owner, tenant, stream, mode, token, n)
  loop
    n := item.n;
    if not is_current then
      outcome := 'superseded';
    elsif not pg_try_advisory_xact_lock(concord.stream_lock_key(item.tenant, item.stream)) then
      outcome := 'busy';
    elsif exists (
      select from concord.prepared_locks p
      where p.bucket = concord.lock_bucket(item.tenant, item.stream) and p.tenant = item.tenant and p.stream = item.stream
        and p.owner is distinct from item.owner and concord.modes_conflict(p.mode, item.mode))
    then
      outcome := 'prepared';
    else
      outcome := 'raised';
      insert into concord.lock_fences as f (tenant, stream, readers_from, writers_from, owner)
        values (item.tenant, item.stream, case item.mode when 'U' then 0 else item.token end, item.token, null)
        on conflict on constraint lock_fences_pkey do update set
          readers_from = greatest(f.readers_from, excluded.readers_from),
          writers_from = greatest(f.writers_from, excluded.writers_from),
          owner = null;
    end if;
    return next;
  end loop;
end $$;

-- Refuses the transaction (CN040) unless each of these locks is the owner's still: of the current life, below no fence, and in
-- nobody's way who has prepared; or, for who has prepared them, among what is prepared. Who writes raises the fence to its own
-- token: what Redis gave twice without anybody's knowing, commits once.
create function concord.fence_lock_tokens(
  of_owner uuid, tenants text[], streams text[], modes text[], held_tokens bigint[], is_prepared boolean) returns void
  language plpgsql volatile
  set enable_seqscan to off
as $$
declare
  lost record;
begin
  perform pg_advisory_xact_lock_shared(concord.redis_life_key());
  -- Shared: those who share a lock may commit at the same time. Who takes one away needs it alone.
  perform pg_advisory_xact_lock_shared(keys.key)
    from (select distinct concord.stream_lock_key(l.tenant, l.stream) as key
          from unnest(tenants, streams) as l (tenant, stream) order by 1) keys;
  -- Raised first and looked at afterwards: of two that do it at once, the second sees what the first has left.
  insert into concord.lock_fences as f (tenant, stream, readers_from, writers_from, owner)
    select l.tenant, l.stream, case l.mode when 'X' then l.token else 0 end, l.token, of_owner
    from unnest(tenants, streams, modes, held_tokens) as l (tenant, stream, mode, token)
    where l.mode <> 'S' and not is_prepared
    order by l.tenant, l.stream
    on conflict on constraint lock_fences_pkey do update set
      readers_from = greatest(f.readers_from, excluded.readers_from), writers_from = excluded.writers_from, owner = of_owner
      where f.writers_from < excluded.writers_from;
  select l.stream, l.token into lost
    from unnest(tenants, streams, modes, held_tokens) as l (tenant, stream, mode, token)
    where case
      when is_prepared then not exists (
        select from concord.prepared_locks p
        where p.owner = of_owner and p.tenant = l.tenant and p.stream = l.stream and p.token = l.token)
      else not exists (select from concord.redis_lock_life r where r.life = l.token >> 36)
        or exists (
          select from concord.lock_fences f
          where f.tenant = l.tenant and f.stream = l.stream
            and (l.token < case l.mode when 'S' then f.readers_from else f.writers_from end
              or (l.mode <> 'S' and l.token = f.writers_from and f.owner is distinct from of_owner)))
        or exists (
          select from concord.prepared_locks p
          where p.bucket = concord.lock_bucket(l.tenant, l.stream) and p.tenant = l.tenant and p.stream = l.stream
            and p.owner <> of_owner and concord.modes_conflict(p.mode, l.mode))
      end
    limit 1;
  if found then
    raise exception 'the lock of "%" with fencing token % is not held any more', lost.stream, lost.token
      using errcode = 'CN040';
  end if;
end $$;

-- Fences, and keeps the locks from the commit on until concord.release_prepared_tokens(), whatever becomes of Redis. They are
-- also written where the locks of PostgreSQL are, should locks be kept there later.
create function concord.prepare_lock_tokens(
  of_owner uuid, of_session uuid, of_started bigint, of_origin uuid,
  tenants text[], streams text[], modes text[], held_tokens bigint[], is_prepared boolean) returns void
  language plpgsql volatile
  set enable_seqscan to off
as $$
declare
  lock record;
begin
  perform concord.fence_lock_tokens(of_owner, tenants, streams, modes, held_tokens, is_prepared);
  for lock in
    select l.*, concord.lock_bucket(l.tenant, l.stream) as bucket
    from unnest(tenants, streams, modes, held_tokens) as l (tenant, stream, mode, token)
    where not is_prepared
    order by bucket
  loop
    insert into concord.prepared_locks (owner, tenant, stream, bucket, session, started, origin, mode, token)
      values (of_owner, lock.tenant, lock.stream, lock.bucket, of_session, of_started, of_origin, lock.mode, lock.token);
    if not concord.make_lock_bucket(lock.bucket) then
      update concord.lock_buckets b set holds = b.holds || row(lock.tenant, lock.stream, of_owner, of_session, of_started,
        of_origin, lock.mode, lock.token, true)::concord.lock_hold where b.bucket = lock.bucket;
    end if;
  end loop;
end $$;

-- Ends what was prepared, in the transaction that commits the new values or drops them; answers where.
create function concord.release_prepared_tokens(of_owner uuid) returns table (tenant text, stream text)
  language plpgsql volatile as $$
begin
  -- So that two commits never wait for each other's buckets in a circle.
  perform from concord.lock_buckets b
    where b.bucket in (select p.bucket from concord.prepared_locks p where p.owner = of_owner)
    order by b.bucket for update;
  return query select p.tenant, p.stream from concord.prepared_locks p where p.owner = of_owner;
  perform concord.release_prepared(of_owner);
end $$;
