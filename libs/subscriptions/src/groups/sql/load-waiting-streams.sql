select tenant_id, stream_name, attempts, reason,
  extract(epoch from retry_at - clock_timestamp())::float8 * 1000 as due_in
from concord.waiting_streams where group_name = $1 and slice = $2
