-- Process managers: which instance has to be looked at, and when. What an instance is (its state, the commands it has sent
-- and not, its timers) is in its own stream; a row here follows from that, and from what lies in its inbox. What counts is
-- the database's clock.

-- `due_at`: when somebody has to look at it; null: when something comes. `woken` counts what came, so that what comes while
-- somebody works on it is not overlooked. A lease only spares double work: what is recorded on an old state is refused by
-- the expected version of the stream. `expected`: something came for it before what starts it. `version` is that of the code.
create table concord.processes (
  process      text collate "C" not null,
  tenant_id    text collate "C" not null,
  instance_id  text collate "C" not null,
  status       text             not null,
  version      integer,
  due_at       timestamptz,
  woken        bigint           not null default 0,
  owner        uuid,
  leased_until timestamptz,
  attempts     integer          not null default 0,
  reason       text,
  created_at   timestamptz      not null default clock_timestamp(),
  changed_at   timestamptz      not null default clock_timestamp(),
  constraint processes_pkey primary key (process, tenant_id, instance_id),
  constraint processes_status_check
    check (status in ('expected', 'running', 'compensating', 'quarantined', 'completed', 'compensated'))
);
create index processes_due_idx on concord.processes (due_at) where due_at is not null;
create index processes_quarantined_idx on concord.processes (process, tenant_id, instance_id) where status = 'quarantined';

-- Events that belong to an instance and are not in its stream yet. Only where they are: what they say is read from the store.
create table concord.process_inbox (
  process         text collate "C" not null,
  tenant_id       text collate "C" not null,
  instance_id     text collate "C" not null,
  global_position bigint           not null,
  event_id        uuid             not null,
  constraint process_inbox_pkey primary key (process, tenant_id, instance_id, global_position)
);

create function concord.process_has_ended(status text) returns boolean
  language sql immutable parallel safe
  return status in ('completed', 'compensated');

-- Puts events into the inboxes of their instances, and has these looked at; what has ended gets nothing more. `handed` is
--   [{"tenant", "instance", "position", "event", "starts", "waits"}, ..]
-- Rows are always locked in the order of their names: this, too, is called by many at a time.
create function concord.hand_to_processes(process text, handed jsonb) returns void
  language plpgsql volatile as $$
#variable_conflict use_column
begin
  insert into concord.processes (process, tenant_id, instance_id, status)
    select distinct hand_to_processes.process, h.tenant, h.instance, 'expected'
    from jsonb_to_recordset(handed) as h (tenant text, instance text, starts boolean, waits boolean)
    where h.starts or h.waits
    order by h.tenant, h.instance
    on conflict do nothing;
  with given as (
    select h.tenant, h.instance, bool_or(h.starts) as starts
    from jsonb_to_recordset(handed) as h (tenant text, instance text, starts boolean)
    group by h.tenant, h.instance
  ), locked as materialized (
    select p.tenant_id, p.instance_id, p.status = 'running' or p.status = 'compensating' or g.starts and p.status = 'expected' as wakes,
      g.starts
    from concord.processes p
    join given g on g.tenant = p.tenant_id and g.instance = p.instance_id
    where p.process = hand_to_processes.process and not concord.process_has_ended(p.status)
    order by p.tenant_id, p.instance_id
    for update of p
  )
  update concord.processes p set
      woken = p.woken + 1,
      status = case when l.starts and p.status = 'expected' then 'running' else p.status end,
      due_at = case when l.wakes then least(p.due_at, clock_timestamp()) else p.due_at end
    from locked l
    where p.process = hand_to_processes.process and p.tenant_id = l.tenant_id and p.instance_id = l.instance_id;
  insert into concord.process_inbox (process, tenant_id, instance_id, global_position, event_id)
    select p.process, p.tenant_id, p.instance_id, h.position, h.event
    from jsonb_to_recordset(handed) as h (tenant text, instance text, position bigint, event uuid)
    join concord.processes p
      on p.process = hand_to_processes.process and p.tenant_id = h.tenant and p.instance_id = h.instance
    where not concord.process_has_ended(p.status)
    on conflict do nothing;
end $$;

-- Leases due instances of known process managers: `known` is [{"process", "version"}, ..]. Nobody waits here.
create function concord.claim_processes(known jsonb, owner uuid, lease interval, most integer)
  returns table (process text, tenant_id text, instance_id text, version integer, attempts integer, woken bigint,
    inbox uuid[], moment timestamptz)
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  taken jsonb;
begin
  with due as (
    select p.process, p.tenant_id, p.instance_id
    from concord.processes p
    where p.due_at <= clock_timestamp() and (p.leased_until is null or p.leased_until <= clock_timestamp())
      and exists (
        select from jsonb_to_recordset(known) as k (process text, version integer)
        where k.process = p.process and (p.version is null or p.version = k.version))
    order by p.due_at
    limit most
    for update skip locked
  ), leased as (
    update concord.processes p set owner = claim_processes.owner, leased_until = clock_timestamp() + lease
    from due d
    where p.process = d.process and p.tenant_id = d.tenant_id and p.instance_id = d.instance_id
    returning p.process, p.tenant_id, p.instance_id, p.version, p.attempts, p.woken
  )
  select jsonb_agg(to_jsonb(l)) into taken from leased l;
  -- A statement of its own, whose snapshot is younger than the locks: what has woken an instance lies in its inbox.
  return query
    select t.process, t.tenant_id, t.instance_id, t.version, t.attempts, t.woken,
      array(
        select i.event_id from concord.process_inbox i
        where i.process = t.process and i.tenant_id = t.tenant_id and i.instance_id = t.instance_id
        order by i.global_position),
      clock_timestamp()
    from jsonb_to_recordset(coalesce(taken, '[]')) as t
      (process text, tenant_id text, instance_id text, version integer, attempts integer, woken bigint);
end $$;

-- Prolongs leases: `held` is [{"process", "tenant", "instance"}, ..].
create function concord.prolong_processes(owner uuid, lease interval, held jsonb) returns void
  language plpgsql volatile as $$
#variable_conflict use_column
begin
  with locked as materialized (
    select p.process, p.tenant_id, p.instance_id
    from concord.processes p
    join jsonb_to_recordset(held) as h (process text, tenant text, instance text)
      on h.process = p.process and h.tenant = p.tenant_id and h.instance = p.instance_id
    where p.owner = prolong_processes.owner
    order by p.process, p.tenant_id, p.instance_id
    for update of p
  )
  update concord.processes p set leased_until = clock_timestamp() + lease
    from locked l
    where p.process = l.process and p.tenant_id = l.tenant_id and p.instance_id = l.instance_id;
end $$;

-- Gives instances back, as whoever worked on them leaves them: `given` is
--   [{"process", "tenant", "instance", "status", "version", "attempts", "reason", "woken", "due", "handled"}, ..]
-- `due` counts unless something has come meanwhile. An instance that is somebody else's by now is left alone; what was
-- handled is in its stream, whoever put it there.
create function concord.release_processes(owner uuid, given jsonb) returns void
  language plpgsql volatile as $$
#variable_conflict use_column
begin
  with locked as materialized (
    select p.process, p.tenant_id, p.instance_id, r.status, r.version, r.attempts, r.reason, r.woken, r.due
    from concord.processes p
    join jsonb_to_recordset(given) as r (process text, tenant text, instance text, status text, version integer,
        attempts integer, reason text, woken bigint, due timestamptz)
      on r.process = p.process and r.tenant = p.tenant_id and r.instance = p.instance_id
    where p.owner = release_processes.owner
    order by p.process, p.tenant_id, p.instance_id
    for update of p
  )
  update concord.processes p set
      status = l.status, version = l.version, attempts = l.attempts, reason = l.reason,
      owner = null, leased_until = null, changed_at = clock_timestamp(),
      due_at = case
        when l.status = 'quarantined' or concord.process_has_ended(l.status) then null
        when p.woken <> l.woken then clock_timestamp()
        else l.due end
    from locked l
    where p.process = l.process and p.tenant_id = l.tenant_id and p.instance_id = l.instance_id;
  delete from concord.process_inbox i
    using jsonb_to_recordset(given) as r (process text, tenant text, instance text, status text, handled uuid[])
    where i.process = r.process and i.tenant_id = r.tenant and i.instance_id = r.instance
      and (i.event_id = any (r.handled) or concord.process_has_ended(r.status));
end $$;
