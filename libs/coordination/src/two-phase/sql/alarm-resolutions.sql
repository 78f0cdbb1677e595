-- One process tells of each.
update concord.forced_resolutions f
set alarmed_at = clock_timestamp()
from (
  select o.id from concord.forced_resolutions o
  where o.alarmed_at is null and o.applied_at is not null
  order by o.id
  limit 100
  for update skip locked
) due
where f.id = due.id
returning f.transaction_id as id, f.participant, f.outcome, f.forced_by as by, f.reason, f.overruled
