-- $1: of one coordinator, or null; $3: one transaction, or null.
select transaction_id as id, coordinator, tenant_id as tenant, state, participants, unacknowledged, began_at as "beganAt",
  decided_at as "decidedAt", decided_by as "decidedBy", reason, attempts, last_error as "lastError"
from concord.transactions
where ($1::text is null or coordinator = $1) and ($3::uuid is null or transaction_id = $3)
order by began_at
limit $2
