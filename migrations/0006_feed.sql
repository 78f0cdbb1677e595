-- How far behind the feed is, and who holds it back. Nothing here is on the way of an append.

-- The feed's lag at one moment. `hidden_since`: when the oldest event was recorded that is committed and yet hidden, because
-- an append that drew its position before is still under way; null when nothing is hidden, or the feed is moving.
create function concord.feed_lag(
  out at timestamptz, out horizon bigint, out drawn bigint, out hidden_since timestamptz
) language plpgsql volatile as $$
declare
  after bigint;
begin
  at := clock_timestamp();
  horizon := concord.feed_horizon();
  drawn := concord.last_position();
  if drawn = horizon then
    return;
  end if;
  -- One index probe a tenant: its first event above the horizon.
  with recursive tenants as (
    (select e.tenant_id from concord.events e order by e.tenant_id limit 1)
    union all
    select (select e.tenant_id from concord.events e where e.tenant_id > t.tenant_id order by e.tenant_id limit 1)
    from tenants t where t.tenant_id is not null
  )
  select min(hidden.recorded_at) into hidden_since
  from tenants t
  cross join lateral (
    select e.recorded_at from concord.events e
    where e.tenant_id = t.tenant_id and e.global_position > horizon
    order by e.global_position limit 1
  ) hidden
  where t.tenant_id is not null;
  -- Whoever committed since is visible above, and no longer holds anything back: only a feed that stands is behind.
  after := concord.feed_horizon();
  if after <> horizon then
    horizon := after;
    hidden_since := null;
  end if;
end $$;

-- The transactions that have appended and not ended, the one that holds the feed back first. A prepared one has no session,
-- but a name. `streams` are those it has locked as far as they can be told: the locks are hashes, which are looked for among
-- the streams of each tenant's newest events; `locked` is their number. Queries are shown to those who may see them.
create function concord.feed_holders() returns table (
  mark bigint, pid integer, prepared text, role text, application text, client text, state text, began timestamptz,
  in_state_since timestamptz, waits_for text, blocked_by integer[], query text, locked integer, streams text[]
) language sql volatile as $$
  with held as materialized (
    select l.virtualtransaction, l.pid, min(((l.classid::bigint & 65535) << 32) | l.objid::bigint) as mark
    from pg_locks l
    where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.classid::bigint >> 16 = x'4C4E'::bigint
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
    group by l.virtualtransaction, l.pid
    order by mark
    limit 20
  ), stream_locks as materialized (
    select h.virtualtransaction, (l.classid::bigint << 32) | l.objid::bigint as key
    from held h join pg_locks l on l.virtualtransaction = h.virtualtransaction
    where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.classid::bigint >> 16 = x'4C4D'::bigint
  ), recent as materialized (
    select distinct newest.tenant_id, newest.stream_name
    from concord.tenant_heads(9223372036854775807) t
    cross join lateral (
      select e.tenant_id, e.stream_name from concord.events e
      where e.tenant_id = t.tenant_id order by e.global_position desc limit 500
    ) newest
    limit 20000
  ), named as materialized (
    select s.virtualtransaction, array_agg(r.tenant_id || '/' || r.stream_name order by r.stream_name) as streams
    from recent r join stream_locks s on s.key = concord.stream_lock_key(r.tenant_id, r.stream_name)
    group by s.virtualtransaction
  )
  select h.mark, h.pid, p.gid, coalesce(a.usename, p.owner)::text, a.application_name, host(a.client_addr),
    coalesce(a.state, 'prepared'), coalesce(a.xact_start, p.prepared), coalesce(a.state_change, p.prepared),
    a.wait_event_type || '/' || a.wait_event, pg_blocking_pids(h.pid), left(a.query, 200),
    (select count(*)::integer from stream_locks s where s.virtualtransaction = h.virtualtransaction),
    coalesce(n.streams, '{}')
  from held h
  left join pg_stat_activity a on a.pid = h.pid
  -- What tells which prepared transaction it is: its lock on its own transaction id.
  left join pg_locks x on h.pid is null and x.pid is null and x.virtualtransaction = h.virtualtransaction
    and x.locktype = 'transactionid' and x.mode = 'ExclusiveLock'
  left join pg_prepared_xacts p on p.transaction = x.transactionid and p.database = current_database()
  left join named n on n.virtualtransaction = h.virtualtransaction
  order by h.mark;
$$;
