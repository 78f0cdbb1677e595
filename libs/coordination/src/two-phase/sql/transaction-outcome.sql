select state from concord.transactions where transaction_id = $1
