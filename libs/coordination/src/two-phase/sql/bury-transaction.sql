select concord.bury_transaction($1, $2, $3, $4) as state
