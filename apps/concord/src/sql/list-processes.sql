-- Process managers with their instances, of a tenant or all, by what these do. What has ended does not count for the oldest.
select process,
  count(*) filter (where status = 'running' and not at_rest)::integer as running,
  count(*) filter (where status = 'running' and at_rest and not failed)::integer as timer,
  count(*) filter (where status = 'running' and at_rest and failed)::integer as retrying,
  count(*) filter (where status = 'compensating')::integer as compensating,
  count(*) filter (where status = 'quarantined')::integer as quarantined,
  count(*) filter (where status = 'expected')::integer as expected,
  count(*) filter (where concord.process_has_ended(status))::integer as ended,
  min(created_at) filter (where not concord.process_has_ended(status)) as oldest,
  extract(epoch from clock_timestamp() - min(created_at) filter (where not concord.process_has_ended(status)))::float8 * 1000
    as oldest_ms
from (
  select process, status, created_at, coalesce(due_at > clock_timestamp(), false) as at_rest,
    attempts > 0 or reason is not null as failed
  from concord.processes
  where $1::text is null or tenant_id = $1
) p
group by process
order by process
