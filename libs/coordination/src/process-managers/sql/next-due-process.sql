select extract(epoch from min(p.due_at) - clock_timestamp())::float8 * 1000 as due_in
from concord.processes p
where p.due_at > clock_timestamp()
