-- The one who began it is gone, or stuck: whatever it finds out later, it finds this row first.
update concord.transactions t
set state = 'aborted', decided_at = clock_timestamp(), decided_by = 'watchdog', reason = 'not decided in time',
  next_attempt_at = clock_timestamp()
where t.state = 'preparing' and t.deadline < clock_timestamp() - $1 * interval '1 ms'
returning t.transaction_id as id
