-- Asynchronous projections in slices: consumer groups whose handlers write rows. How a version of a projection is partitioned is
-- fixed when it is first deployed, and everybody can see how far all of its slices have come.

-- `slices` is 0 for a projection with one owner at a time, whose place is a checkpoint; else it is a consumer group of this name.
create table concord.projection_partitions (
  subscription text collate "C" not null,
  slices       integer          not null,
  created_at   timestamptz      not null default clock_timestamp(),
  constraint projection_partitions_pkey primary key (subscription),
  constraint projection_partitions_slices_check check (slices between 0 and 1024)
);
insert into concord.projection_partitions (subscription, slices)
  select distinct c.subscription, 0 from concord.checkpoints c where c.subscription like 'projection:%';

-- Tenants that some slice of a projection has begun with: the rows of the version before are gone.
create table concord.begun_projections (
  subscription text collate "C" not null,
  tenant_id    text collate "C" not null,
  begun_at     timestamptz      not null default clock_timestamp(),
  constraint begun_projections_pkey primary key (subscription, tenant_id)
);

-- Whatever a waiting stream has before this global position is done with.
alter table concord.waiting_streams add column next_global bigint not null default 0;

create or replace function concord.pass_waiting_event(
  name text, tenant text, stream text, passed bigint, passed_global bigint
) returns void
  language sql volatile as $$
  update concord.waiting_streams
    set next_position = passed + 1, done_through = passed_global, next_global = passed_global + 1, attempts = 0, reason = '',
      retry_at = clock_timestamp()
    where group_name = name and tenant_id = tenant and stream_name = stream and next_position = passed;
$$;

-- Says how a projection is to be partitioned; answers how it is.
create function concord.partition_projection(name text, wanted integer) returns integer
  language plpgsql volatile as $$
declare
  known integer;
begin
  insert into concord.projection_partitions (subscription, slices) values (name, wanted) on conflict do nothing;
  select p.slices into strict known from concord.projection_partitions p where p.subscription = name;
  if known = wanted and wanted > 0 then
    perform concord.open_group(name, wanted, 0);
  end if;
  return known;
end $$;

-- Asked at the beginning of each batch of a slice. Keeps rebuilds away until the transaction ends. 'rebuilding': one is under way;
-- 'first': no slice has begun with this tenant yet; all others wait until this transaction has ended.
create function concord.begin_projecting(name text, tenant text, projection text) returns text
  language plpgsql volatile as $$
begin
  if not pg_try_advisory_xact_lock_shared(concord.projection_lock_key(tenant, projection)) then
    return 'rebuilding';
  end if;
  perform from concord.begun_projections b where b.subscription = name and b.tenant_id = tenant;
  if found then
    return 'begun';
  end if;
  insert into concord.begun_projections (subscription, tenant_id) values (name, tenant) on conflict do nothing;
  return case when found then 'first' else 'begun' end;
end $$;

-- A rebuild has projected everything of a tenant up to a position: nothing waits or is parked any more. The tokens grow, so that no
-- owner goes on from what it remembers.
create function concord.settle_slices(name text, tenant text, reached bigint) returns void
  language plpgsql volatile as $$
begin
  insert into concord.begun_projections (subscription, tenant_id) values (name, tenant) on conflict do nothing;
  perform from concord.group_slices s where s.group_name = name order by s.slice for update;
  update concord.group_slices s set fencing_token = s.fencing_token + 1 where s.group_name = name;
  delete from concord.waiting_streams w where w.group_name = name and w.tenant_id = tenant;
  delete from concord.parked_events p where p.group_name = name and p.tenant_id = tenant;
  insert into concord.group_checkpoints as c (group_name, slice, tenant_id, position, updated_at)
    select name, s.slice, tenant, reached, clock_timestamp() from concord.group_slices s where s.group_name = name
    on conflict (group_name, slice, tenant_id) do update
      set position = excluded.position, updated_at = excluded.updated_at;
end $$;

-- How far the subscriptions with checkpoints have come; that of slices is the position up to which all of them are done, streams that
-- wait for another attempt, or for an operator, among them.
create view concord.subscription_positions as
  select c.subscription, c.tenant_id, 0 as slices, c.position, c.updated_at, 0 as waiting_streams, 0 as parked
  from concord.checkpoints c
  union all
  select p.subscription, b.tenant_id, p.slices, greatest(least(d.position, w.undone - 1), 0), coalesce(d.updated_at, b.begun_at),
    coalesce(w.streams, 0)::integer, e.events::integer
  from concord.projection_partitions p
  join concord.begun_projections b on b.subscription = p.subscription
  cross join lateral (
    -- A slice without a row has met nothing yet.
    select min(coalesce(c.position, 0)) as position, max(c.updated_at) as updated_at
    from generate_series(0, p.slices - 1) n
    left join concord.group_checkpoints c on c.group_name = p.subscription and c.slice = n and c.tenant_id = b.tenant_id
  ) d
  cross join lateral (
    select min(w.next_global) as undone, count(*) as streams
    from concord.waiting_streams w where w.group_name = p.subscription and w.tenant_id = b.tenant_id
  ) w
  cross join lateral (
    select count(*) as events
    from concord.parked_events e where e.group_name = p.subscription and e.tenant_id = b.tenant_id
  ) e
  where p.slices > 0;
