-- Durable when it is answered. `next_attempt_at`: until then the one who decided tells the participants himself. Who left
-- with a read-only vote is not among those who are told.
update concord.transactions t
set state = 'committed', decided_at = clock_timestamp(), decided_by = 'coordinator',
  next_attempt_at = clock_timestamp() + interval '5 seconds',
  unacknowledged = array(select json_array_elements_text($2::json -> (given.n - 1)::integer))
from unnest($1::uuid[]) with ordinality as given (id, n)
where t.transaction_id = given.id and t.state = 'preparing'
returning t.transaction_id as id
