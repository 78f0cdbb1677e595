-- Cheaper group commits and loads.

-- As before, and answers in one row, of parallel lists, whatever was added: which append (from 1) an event belongs to, its
-- stream position and its global position. A row an event cost the client more than the event did. Two things cost the
-- server more: the call of concord.meets was not inlined, since a subquery was among its arguments (hence the offset, which
-- keeps that apart), and calls of few appends were planned anew each time.
drop function concord.append_batch(text[], text[], text[], json);
create function concord.append_batch(tenants text[], streams text[], expected text[], events json)
  returns table (appended integer[], stream_positions text, global_positions text, recorded_at timestamptz)
  language plpgsql volatile
  -- It waits for no stream, but for an event id that another transaction is adding at the moment, or a lock on the table, any
  -- insert has to wait, and with it all that travel with it: so it gives up soon (55P03), and each is left to a call of its own.
  set lock_timeout to '200ms'
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  free integer[];
begin
  select array_agg(a.n) into free
    from unnest(tenants, streams) with ordinality as a (tenant, stream, n)
    where pg_try_advisory_xact_lock(concord.stream_lock_key(a.tenant, a.stream));
  perform concord.mark_append();
  recorded_at := clock_timestamp();
  -- A statement of its own, whose snapshot is younger than the locks.
  with head as materialized (
    select ends.n, ends.tenant, ends.stream, ends.actual
    from (
      select a.n, a.tenant, a.stream, a.expected,
        coalesce((select max(e.stream_position) from concord.events e
                  where e.tenant_id = a.tenant and e.stream_name = a.stream), -1) as actual
      from unnest(tenants, streams, append_batch.expected) with ordinality as a (tenant, stream, expected, n)
      where a.n = any (free)
      offset 0
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
      select p.tenant, p.drawn, p.stream, p.position, p.id, p.type, coalesce(p.data, 'null'), coalesce(p.metadata, '{}'),
        append_batch.recorded_at
      from placed p
  )
  select array_agg(p.n order by p.n, p.k), string_agg(p.position::text, ',' order by p.n, p.k),
    string_agg(p.drawn::text, ',' order by p.n, p.k)
    into appended, stream_positions, global_positions
    from placed p;
  return next;
end $$;

-- As before, stream by stream: where the table was never analysed, the planner took an index that reads all of the tenant.
-- Planned anew each time, it took half as long again.
create or replace function concord.load_streams(tenant text, streams text[], wanted_version integer, with_forms boolean)
  returns table (stream_name text, stream_position bigint, event_type text, data json, form integer)
  language plpgsql volatile
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
#variable_conflict use_column
begin
  if wanted_version is not null or concord.has_settings(tenant, streams) then
    return query select l.* from concord.load_kept(tenant, streams, wanted_version, with_forms) l;
  else
    return query
      select w.stream, e.stream_position, e.event_type, e.data, concord.form_of(e.metadata, with_forms)
      from (select distinct s.stream from unnest(streams) as s (stream)) w
      cross join lateral (
        select * from concord.events e where e.tenant_id = tenant and e.stream_name = w.stream
        order by e.stream_position offset 0
      ) e
      order by 1, 2;
  end if;
end $$;

alter function concord.append(text, json) set plan_cache_mode to force_generic_plan;
alter function concord.lock_and_load(text, text, integer, boolean) set plan_cache_mode to force_generic_plan;

-- Analysed with a few dozen rows, the table is worth reading whole, and connections would keep such plans while it grows.
-- Never analysed, or with more rows, it is not.
alter table concord.events set (autovacuum_analyze_threshold = 1000, autovacuum_vacuum_threshold = 1000);
