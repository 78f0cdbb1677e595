select transaction_id as id, tenant_id as tenant, state, participants, unacknowledged, began_at as "beganAt",
  decided_at as "decidedAt", decided_by as "decidedBy", reason, attempts, last_error as "lastError"
from concord.transactions
where coordinator = $1
order by began_at
limit $2
