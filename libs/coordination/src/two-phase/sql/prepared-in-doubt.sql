select transaction_id as id, participant, tenant_id as tenant, coordinator, prepared_at as "preparedAt",
  lock_owner as "lockOwner"
from concord.prepared_transactions
where participant = $1 and state = 'prepared' and prepared_at <= clock_timestamp() - $2 * interval '1 ms'
order by prepared_at
limit 1000
