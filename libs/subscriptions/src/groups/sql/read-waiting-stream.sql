select next_position, done_through, attempts,
  extract(epoch from retry_at - clock_timestamp())::float8 * 1000 as due_in
from concord.waiting_streams where group_name = $1 and tenant_id = $2 and stream_name = $3
