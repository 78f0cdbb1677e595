-- An abort ends what its own coordinator has prepared: under an id that two coordinators use, it took the yes of the other one back.

-- A tombstone, unless there is a row: a prepare that comes later is refused. Answers the state that there was. A row of another
-- coordinator, or of another tenant, is another transaction: of the one to be aborted nothing is there ('unknown'), and nothing
-- can be prepared beside that row.
create or replace function concord.bury_transaction(
  of_participant text, id uuid, tenant text, of_coordinator text
) returns text
  language plpgsql volatile
  set enable_seqscan to off
as $$
declare
  known concord.prepared_transactions;
begin
  insert into concord.prepared_transactions (participant, transaction_id, tenant_id, coordinator, state, settled_at)
    values (of_participant, id, tenant, of_coordinator, 'aborted', clock_timestamp())
    on conflict do nothing;
  if found then
    return 'unknown';
  end if;
  select * into strict known from concord.prepared_transactions p
    where p.participant = of_participant and p.transaction_id = id for update;
  if known.coordinator <> of_coordinator or known.tenant_id <> tenant then
    return 'unknown';
  end if;
  return known.state;
end $$;
