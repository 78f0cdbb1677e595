-- Consumer groups: several processes share one subscription. The streams of all tenants are dealt into a fixed number of
-- slices, and each slice has one owner at a time. What counts is the database's clock, never that of a process.

create table concord.consumer_groups (
  group_name   text collate "C" not null,
  slices       integer          not null,
  starts_after bigint           not null,
  created_at   timestamptz      not null default clock_timestamp(),
  constraint consumer_groups_pkey primary key (group_name),
  constraint consumer_groups_slices_check check (slices between 1 and 1024)
);

-- Who takes part. A member that has not been heard of until `expires_at` counts as gone. `lags` is what it last told: for
-- each slice it owns, how many positions it is behind.
create table concord.group_members (
  group_name text collate "C" not null,
  member_id  uuid             not null,
  label      text             not null,
  joined_at  timestamptz      not null,
  expires_at timestamptz      not null,
  lags       jsonb            not null,
  constraint group_members_pkey primary key (group_name, member_id)
);

-- The fencing token grows with every change of owner. Whoever commits work of a slice holds its row, and shows the token.
create table concord.group_slices (
  group_name    text collate "C" not null,
  slice         integer          not null,
  member_id     uuid,
  fencing_token bigint           not null default 0,
  owned_since   timestamptz,
  constraint group_slices_pkey primary key (group_name, slice)
);

-- Up to where a slice has done its work for a tenant. Without a row: nothing of it was met yet.
create table concord.group_checkpoints (
  group_name text collate "C" not null,
  slice      integer          not null,
  tenant_id  text collate "C" not null,
  position   bigint           not null,
  updated_at timestamptz      not null,
  constraint group_checkpoints_pkey primary key (group_name, slice, tenant_id)
);

-- Streams that do not move with their slice, because an event of theirs failed. `next_position` is where the stream goes on,
-- at `retry_at`; null: when the parked event has been replayed or discarded. `done_through` is the global position of the
-- last event it has done on its own: before its slice has come there too, it does not move with the slice again.
-- Added and removed by the slice's owner only.
create table concord.waiting_streams (
  group_name    text collate "C" not null,
  tenant_id     text collate "C" not null,
  stream_name   text collate "C" not null,
  slice         integer          not null,
  next_position bigint           not null,
  done_through  bigint           not null,
  attempts      integer          not null,
  reason        text             not null,
  retry_at      timestamptz,
  constraint waiting_streams_pkey primary key (group_name, tenant_id, stream_name)
);
create index waiting_streams_slice_idx on concord.waiting_streams (group_name, slice, retry_at);

-- Events set aside after their last attempt.
create table concord.parked_events (
  group_name      text collate "C" not null,
  tenant_id       text collate "C" not null,
  event_id        uuid             not null,
  slice           integer          not null,
  stream_name     text collate "C" not null,
  stream_position bigint           not null,
  global_position bigint           not null,
  event_type      text collate "C" not null,
  reason          text             not null,
  attempts        integer          not null,
  parked_at       timestamptz      not null,
  replay_asked_at timestamptz,
  constraint parked_events_pkey primary key (group_name, tenant_id, event_id)
);
create index parked_events_order_idx on concord.parked_events (group_name, tenant_id, global_position);
create index parked_events_replay_idx on concord.parked_events (group_name, slice) where replay_asked_at is not null;

-- Makes the group unless it is there, and tells how many slices it has and where it starts.
create function concord.open_group(name text, wanted integer, starts bigint, out slices integer, out starts_after bigint)
  language plpgsql volatile as $$
begin
  insert into concord.consumer_groups (group_name, slices, starts_after) values (name, wanted, starts)
    on conflict do nothing;
  select g.slices, g.starts_after into slices, starts_after from concord.consumer_groups g where g.group_name = name;
  insert into concord.group_slices (group_name, slice) select name, n from generate_series(0, open_group.slices - 1) n
    on conflict do nothing;
end $$;

-- A member's heartbeat: prolongs its lease, takes free slices up to its fair share and answers what it owns, one row a
-- slice (one without a slice when there is none). `surplus`: how many it has to give back; `lacking`: how many it waits for.
--   Free is what has no owner, or one whose lease has ended. Shares differ by one at most, and the odd slices stay with
--   whoever owns most: nothing moves that need not. Nobody waits here for a slice that its last owner is just committing to.
create function concord.group_beat(name text, member uuid, label text, lease interval, lags jsonb)
  returns table (slice integer, fencing_token bigint, surplus integer, lacking integer)
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  moment timestamptz;
  total integer;
  share integer;
  owned integer;
begin
  select g.slices into strict total from concord.consumer_groups g where g.group_name = name for update;
  moment := clock_timestamp();
  insert into concord.group_members (group_name, member_id, label, joined_at, expires_at, lags)
    values (name, member, group_beat.label, moment, moment + lease, group_beat.lags)
    on conflict (group_name, member_id) do update set expires_at = excluded.expires_at, lags = excluded.lags;
  delete from concord.group_members m where m.group_name = name and m.expires_at <= moment;

  select total / r.members + case when r.place <= total % r.members then 1 else 0 end, r.owned into share, owned
    from (
      select m.member_id, o.owned, count(*) over () as members,
        row_number() over (order by o.owned desc, m.joined_at, m.member_id) as place
      from concord.group_members m
      cross join lateral (
        select count(*) as owned from concord.group_slices s where s.group_name = name and s.member_id = m.member_id
      ) o
      where m.group_name = name
    ) r
    where r.member_id = member;

  update concord.group_slices s
    set member_id = member, fencing_token = s.fencing_token + 1, owned_since = moment
    from (
      select f.slice from concord.group_slices f
      where f.group_name = name and not exists (
        select from concord.group_members m where m.group_name = name and m.member_id = f.member_id)
      order by f.slice
      limit greatest(share - owned, 0)
      for update of f skip locked
    ) free
    where s.group_name = name and s.slice = free.slice;

  select count(*) into owned from concord.group_slices s where s.group_name = name and s.member_id = member;
  return query
    select s.slice, s.fencing_token, greatest(owned - share, 0), greatest(share - owned, 0)
    from (select) as one
    left join concord.group_slices s on s.group_name = name and s.member_id = member
    order by s.slice;
end $$;

-- Gives a slice back. Nothing happens when it has another owner by now.
create function concord.release_slice(name text, number integer, token bigint) returns void
  language sql volatile as $$
  update concord.group_slices set member_id = null
    where group_name = name and slice = number and fencing_token = token;
$$;

create function concord.leave_group(name text, member uuid) returns void
  language sql volatile as $$
  update concord.group_slices set member_id = null where group_name = name and member_id = member;
  delete from concord.group_members where group_name = name and member_id = member;
$$;

-- The fence. Holds the slice's row until the transaction ends: either the next owner waits for this commit and sees it, or
-- it was faster, and this transaction is refused.
create function concord.hold_slice(name text, number integer, token bigint) returns void
  language plpgsql volatile as $$
begin
  perform from concord.group_slices s
    where s.group_name = name and s.slice = number and s.fencing_token = token
    for share;
  if not found then
    raise exception 'slice % of consumer group "%" has another owner by now: token % is old', number, name, token
      using errcode = 'CN040';
  end if;
end $$;

-- Moves a checkpoint of a slice that the transaction holds. `known` is where its owner believes it to be (null: there is
-- none): should an owner ever work on a slice twice at a time, the second is refused too.
create function concord.save_slice_checkpoint(
  name text, number integer, tenant text, known bigint, reached bigint
) returns void
  language plpgsql volatile as $$
begin
  if known is null then
    insert into concord.group_checkpoints (group_name, slice, tenant_id, position, updated_at)
      values (name, number, tenant, reached, clock_timestamp())
      on conflict do nothing;
  else
    update concord.group_checkpoints c set position = reached, updated_at = clock_timestamp()
      where c.group_name = name and c.slice = number and c.tenant_id = tenant and c.position = known;
  end if;
  if not found then
    raise exception 'the checkpoint of slice % of consumer group "%" is not at % any more', number, name, known
      using errcode = 'CN040';
  end if;
end $$;

-- Lets a stream go on after one of its events, which is at a position of its own and at a global one.
create function concord.pass_waiting_event(name text, tenant text, stream text, passed bigint, passed_global bigint)
  returns void
  language sql volatile as $$
  update concord.waiting_streams
    set next_position = passed + 1, done_through = passed_global, attempts = 0, reason = '', retry_at = clock_timestamp()
    where group_name = name and tenant_id = tenant and stream_name = stream and next_position = passed;
$$;

-- Removes parked events for good, and lets the streams go on that were waiting for them. Answers how many there were.
create function concord.discard_parked(name text, tenant text, ids uuid[]) returns integer
  language plpgsql volatile as $$
declare
  discarded record;
  total integer := 0;
begin
  for discarded in
    delete from concord.parked_events
      where group_name = name and tenant_id = tenant and event_id = any (ids)
      returning stream_name, stream_position, global_position
  loop
    perform concord.pass_waiting_event(
      name, tenant, discarded.stream_name, discarded.stream_position, discarded.global_position);
    total := total + 1;
  end loop;
  return total;
end $$;
