-- Two-phase commit: what participants have prepared, what coordinators have decided, and what operators have forced.

-- The log of a participant. A row that is `prepared` is its yes: what it is to append, and with which locks (those of
-- `lock_owner` in concord.prepared_locks). The others tell a repeat, or a prepare that comes too late, what has become of the
-- transaction: for a while, since nothing but a friendlier answer depends on them.
create table concord.prepared_transactions (
  participant    text collate "C" not null,
  transaction_id uuid             not null,
  tenant_id      text collate "C" not null,
  coordinator    text collate "C" not null,
  state          text             not null check (state in ('prepared', 'committed', 'aborted')),
  lock_owner     uuid,
  -- The requests of the append, in order: [{"stream", "expected", "events": [{"id", "type", "data", "metadata"}, ..]}, ..]
  appends        json,
  prepared_at    timestamptz      not null default clock_timestamp(),
  settled_at     timestamptz,
  constraint prepared_transactions_pkey primary key (participant, transaction_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index prepared_transactions_in_doubt_idx on concord.prepared_transactions (participant, prepared_at)
  where state = 'prepared';
create index prepared_transactions_settled_idx on concord.prepared_transactions (settled_at) where state <> 'prepared';

-- The log of a coordinator: a row from before the first prepare until the last participant has acknowledged. Whoever finds
-- none knows that the transaction was aborted, or is over (presumed abort). `committed` is written once and for all, and only
-- over `preparing`: who decides, and who gives up waiting, change the same row.
create table concord.transactions (
  transaction_id  uuid             not null,
  coordinator     text collate "C" not null,
  tenant_id       text collate "C" not null,
  state           text             not null check (state in ('preparing', 'committed', 'aborted')),
  participants    text[]           not null,
  unacknowledged  text[]           not null,
  began_at        timestamptz      not null default clock_timestamp(),
  deadline        timestamptz      not null,
  decided_at      timestamptz,
  -- 'coordinator', 'watchdog' or 'operator'.
  decided_by      text,
  reason          text,
  -- When somebody is to see to it, should the one who began it be gone.
  next_attempt_at timestamptz      not null,
  attempts        integer          not null default 0,
  last_error      text,
  constraint transactions_pkey primary key (transaction_id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_cost_delay = 0);

-- What operators have forced. `participant` is null where it was the decision itself.
create table concord.forced_resolutions (
  id             bigint generated always as identity,
  transaction_id uuid             not null,
  participant    text collate "C",
  was            text             not null,
  outcome        text             not null check (outcome in ('committed', 'aborted')),
  forced_by      text             not null,
  reason         text             not null,
  forced_at      timestamptz      not null default clock_timestamp(),
  constraint forced_resolutions_pkey primary key (id)
);
create index forced_resolutions_transaction_idx on concord.forced_resolutions (transaction_id);

create index prepared_locks_stream_idx on concord.prepared_locks (tenant, stream);

-- A stream that a prepared transaction is to append to takes no other event before that one has ended, however it is sent:
-- who has voted yes must be able to commit. Refused as a lock that is not available (55P03): nothing was changed, try again.
--   Why none slips through: who appends holds the stream's advisory lock, alone, and who prepares holds it shared
-- (concord.fence_locks), each until it has committed. And each statement here sees what was committed before it.
create function concord.guard_prepared_streams() returns trigger
  language plpgsql volatile
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  taken record;
begin
  select p.stream, p.owner into taken
    from added a
    join concord.prepared_locks p on p.tenant = a.tenant_id and p.stream = a.stream_name and p.mode = 'X'
    limit 1;
  if found then
    raise exception 'stream "%" is part of a prepared transaction (lock owner %): it takes no other event before that has ended',
      taken.stream, taken.owner using errcode = '55P03';
  end if;
  return null;
end $$;

-- From now on. Not from the beginning: it costs each statement that appends a look, and a store that takes no part in such
-- transactions should not pay for it. Waits for the appends under way, and holds up others meanwhile. With the rights of who
-- has made the schema.
create function concord.start_guarding_prepared_streams() returns void
  language plpgsql volatile security definer
  set search_path to pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pg_trigger t where t.tgrelid = 'concord.events'::regclass and t.tgname = 'events_prepared_streams')
  then
    create or replace trigger events_prepared_streams after insert on concord.events
      referencing new table as added
      for each statement execute function concord.guard_prepared_streams();
  end if;
end $$;

-- Says that the transaction has ended for this participant, or what it would append is there already ('repeated'): CN050.
create function concord.refuse_settled(id uuid, state text) returns void
  language plpgsql as $$
begin
  raise exception 'transaction % is %', id, state
    using errcode = 'CN050', detail = json_build_object('transaction', id, 'state', state)::text;
end $$;

-- The second half of a yes, in the transaction that prepares the locks and after it: what is to be appended, as far as it
-- can be appended now. Nobody else can append to these streams any more. A repeat of a prepare changes nothing.
-- `elsewhere`: the streams are in another store, which checks them itself.
create function concord.prepare_transaction(
  of_participant text, id uuid, tenant text, of_coordinator text, of_owner uuid, requests json, elsewhere boolean
) returns void
  language plpgsql volatile
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  known text;
  item record;
  actual bigint;
begin
  insert into concord.prepared_transactions
    (participant, transaction_id, tenant_id, coordinator, state, lock_owner, appends)
    values (of_participant, id, tenant, of_coordinator, 'prepared', of_owner, requests)
    on conflict do nothing;
  if not found then
    -- The one that has it in hand comes first.
    select p.state into strict known from concord.prepared_transactions p
      where p.participant = of_participant and p.transaction_id = id for update;
    perform concord.refuse_settled(id, known);
  end if;
  if elsewhere then
    return;
  end if;
  if exists (
    select from json_to_recordset(requests) as r (events json)
    cross join json_to_recordset(r.events) as n (id uuid)
    join concord.events e on e.tenant_id = tenant and e.event_id = n.id)
  then
    perform concord.refuse_settled(id, 'repeated');
  end if;
  for item in select r.stream, r.expected from json_to_recordset(requests) as r (stream text, expected text) loop
    if not exists (select from concord.prepared_locks p
      where p.owner = of_owner and p.tenant = prepare_transaction.tenant and p.stream = item.stream and p.mode = 'X')
    then
      raise exception 'the lock of "%" is not held exclusively', item.stream using errcode = 'CN040';
    end if;
    actual := concord.stream_end(tenant, item.stream);
    if not concord.meets(tenant, item.stream, item.expected, actual) then
      perform concord.refuse_version(item.stream, item.expected, actual);
    end if;
  end loop;
end $$;

-- The first part of the commit of what was prepared: nobody else settles it from here on, and its streams are locked as by
-- who appends, before the rows of its prepared locks are (who prepares comes in this order, too). Raises CN050 where there
-- is nothing to commit: state 'committed', 'aborted', or 'unknown'. Afterwards, in the same transaction, the caller releases
-- the locks, appends, and the row is as it should be.
create function concord.settle_prepared(of_participant text, id uuid, outcome text) returns void
  language plpgsql volatile
  set enable_seqscan to off
as $$
declare
  settled concord.prepared_transactions;
begin
  select * into settled from concord.prepared_transactions p
    where p.participant = of_participant and p.transaction_id = id for update;
  if not found or settled.state <> 'prepared' then
    perform concord.refuse_settled(id, coalesce(settled.state, 'unknown'));
  end if;
  perform concord.lock_streams(settled.tenant_id,
    array(select l.stream from concord.prepared_locks l where l.owner = settled.lock_owner and l.tenant = settled.tenant_id));
  update concord.prepared_transactions p
    set state = outcome, appends = null, settled_at = clock_timestamp()
    where p.participant = of_participant and p.transaction_id = id;
end $$;

-- A tombstone, unless there is a row: a prepare that comes later is refused. Answers the state that there was.
create function concord.bury_transaction(of_participant text, id uuid, tenant text, of_coordinator text) returns text
  language plpgsql volatile
  set enable_seqscan to off
as $$
declare
  known text;
begin
  insert into concord.prepared_transactions (participant, transaction_id, tenant_id, coordinator, state, settled_at)
    values (of_participant, id, tenant, of_coordinator, 'aborted', clock_timestamp())
    on conflict do nothing;
  if found then
    return 'unknown';
  end if;
  select p.state into strict known from concord.prepared_transactions p
    where p.participant = of_participant and p.transaction_id = id for update;
  return known;
end $$;

-- Begins transactions. They need not survive a crash of the server: then they are not there to be committed.
create function concord.begin_transactions(
  ids uuid[], coordinators text[], tenants text[], participants json, patience interval[]
) returns void
  language plpgsql volatile as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  insert into concord.transactions
    (transaction_id, coordinator, tenant_id, state, participants, unacknowledged, deadline, next_attempt_at)
    select t.id, t.coordinator, t.tenant, 'preparing', names.list, names.list,
      clock_timestamp() + t.patience, clock_timestamp() + t.patience
    from unnest(ids, coordinators, tenants, begin_transactions.patience) with ordinality
      as t (id, coordinator, tenant, patience, n)
    cross join lateral (
      select array(select json_array_elements_text(begin_transactions.participants -> (t.n - 1)::integer)) as list) names;
end $$;

-- Forgets what all participants have acknowledged. Should a crash bring some back, they are told once more.
create function concord.forget_transactions(ids uuid[]) returns void
  language plpgsql volatile
  set enable_seqscan to off
as $$
begin
  perform set_config('synchronous_commit', 'off', true);
  delete from concord.transactions t where t.transaction_id = any (ids);
end $$;
