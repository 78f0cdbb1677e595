-- What another process has saved may be further.
insert into concord.checkpoints (subscription, tenant_id, position)
select 'kurrent:heads', given.tenant_id, given.position::bigint
from unnest($1::text[], $2::text[]) as given (tenant_id, position)
order by given.tenant_id
on conflict (subscription, tenant_id) do update
  set position = excluded.position, updated_at = clock_timestamp()
  where checkpoints.position < excluded.position
