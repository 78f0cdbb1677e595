-- A lease on each: until it has ended, or the outcome of the attempt is told, nobody else takes it up.
update concord.transactions t
set next_attempt_at = clock_timestamp() + $2 * interval '1 ms', attempts = t.attempts + 1
from (
  select d.transaction_id from concord.transactions d
  where d.state <> 'preparing' and d.next_attempt_at <= clock_timestamp()
  order by d.next_attempt_at
  limit $1
  for update skip locked
) due
where t.transaction_id = due.transaction_id
returning t.transaction_id as id, t.tenant_id as tenant, t.coordinator, t.state, t.unacknowledged, t.attempts
