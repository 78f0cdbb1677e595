update concord.transactions t
set unacknowledged = array(select name from unnest(t.unacknowledged) as name where name <> all ($2::text[])),
  next_attempt_at = clock_timestamp() + $3 * interval '1 ms', last_error = $4
where t.transaction_id = $1 and t.state <> 'preparing'
