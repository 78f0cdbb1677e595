-- $7: it is done, and was told of.
insert into concord.forced_resolutions
  (transaction_id, participant, was, outcome, forced_by, reason, applied_at, alarmed_at)
values ($1, $2, $3, $4, $5, $6,
  case when $7 or $2::text is null then clock_timestamp() end, case when $7 then clock_timestamp() end)
returning id
