-- Of every participant of this database; $1: of one transaction, or null.
select transaction_id as id, participant, tenant_id as tenant, coordinator, prepared_at as "preparedAt",
  lock_owner as "lockOwner"
from concord.prepared_transactions
where state = 'prepared' and ($1::uuid is null or transaction_id = $1)
order by prepared_at
limit 1000
