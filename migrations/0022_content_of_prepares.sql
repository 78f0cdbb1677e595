-- A prepare that comes again under the id of another one is no repeat: its content is kept as a hash. Null where nobody asked
-- from outside, and of what was prepared before.

alter table concord.prepared_transactions add column content_hash bytea;

drop function concord.prepare_transaction(text, uuid, text, text, uuid, json, boolean);

-- The second half of a yes, in the transaction that prepares the locks and after it: what is to be appended, as far as it
-- can be appended now. Nobody else can append to these streams any more. A repeat of a prepare changes nothing; what is asked of
-- the participant under that id with another content is no repeat ('different').
-- `elsewhere`: the streams are in another store, which checks them itself.
create function concord.prepare_transaction(
  of_participant text, id uuid, tenant text, of_coordinator text, of_owner uuid, requests json, elsewhere boolean,
  content bytea default null
) returns void
  language plpgsql volatile
  set enable_seqscan to off
  set plan_cache_mode to force_generic_plan
as $$
declare
  known concord.prepared_transactions;
  item record;
  actual bigint;
begin
  insert into concord.prepared_transactions
    (participant, transaction_id, tenant_id, coordinator, state, lock_owner, appends, content_hash)
    values (of_participant, id, tenant, of_coordinator, 'prepared', of_owner, requests, content)
    on conflict do nothing;
  if not found then
    -- The one that has it in hand comes first.
    select * into strict known from concord.prepared_transactions p
      where p.participant = of_participant and p.transaction_id = id for update;
    perform concord.refuse_settled(id, case when known.content_hash <> content then 'different' else known.state end);
  end if;
  if elsewhere then
    return;
  end if;
  if exists (
    select from json_to_recordset(requests) as r (events json)
    cross join json_to_recordset(r.events) as n (id uuid)
    -- By a probe each: with a join it was planned as one look at all events, and took the longer the more there were.
    where (select e.global_position from concord.events e where e.tenant_id = tenant and e.event_id = n.id) is not null)
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
