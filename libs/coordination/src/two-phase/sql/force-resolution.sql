-- $7: nothing is left to be carried out.
insert into concord.forced_resolutions (transaction_id, participant, was, outcome, forced_by, reason, applied_at)
values ($1, $2, $3, $4, $5, $6, case when $7 then clock_timestamp() end)
returning id
