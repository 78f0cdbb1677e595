-- The decision and its record, in one statement: there is never the one without the other.
with aborted as (
  update concord.transactions t
  set state = 'aborted', decided_at = clock_timestamp(), decided_by = 'operator', reason = $3,
    next_attempt_at = clock_timestamp() + interval '5 seconds'
  where t.transaction_id = $1 and t.state = 'preparing'
  returning t.transaction_id
)
insert into concord.forced_resolutions (transaction_id, participant, was, outcome, forced_by, reason, applied_at)
select a.transaction_id, null, 'preparing', 'aborted', $2, $3, clock_timestamp()
from aborted a
returning transaction_id as id
