-- Until the running transaction ends nobody settles it.
select state from concord.prepared_transactions where participant = $1 and transaction_id = $2 for update
