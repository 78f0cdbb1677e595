-- Not of what is committed. Answers nothing where there is nothing that was preparing.
update concord.transactions t
set state = 'aborted', decided_at = clock_timestamp(), decided_by = $2, reason = $3,
  next_attempt_at = clock_timestamp() + interval '5 seconds'
where t.transaction_id = $1 and t.state = 'preparing'
returning t.transaction_id as id
