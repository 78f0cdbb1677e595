-- Group commit for appends of any length: in place of concord.append_events, which took single events.

drop function concord.append_events(json);

-- Appends to many streams (none twice, no event id twice), each with its own verdict: rows come back for each append that
-- was added, one an event. The others (locked by somebody, another version than expected, an id that is there already)
-- are left to concord.append_event and concord.append, which wait, tell and recognise. Nobody waits here: who waited would
-- hold up the rest. The n-th append, from 1, is the n-th of `tenants`, `streams` and `expected`, and has the events
--   [{"n": 1, "k": 0, "id", "type", "data", "metadata"}, ..]     k: which of the append's events, from 0
create function concord.append_batch(tenants text[], streams text[], expected text[], events json)
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
      where concord.meets(ends.expected, ends.actual)
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
