insert into concord.forced_resolutions (transaction_id, participant, was, outcome, forced_by, reason)
values ($1, $2, $3, $4, $5, $6)
