select tenant_id as tenant, coordinator, state, lock_owner, appends, content_hash as content
from concord.prepared_transactions
where participant = $1 and transaction_id = $2
