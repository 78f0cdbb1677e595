-- With what has become of the transaction at this participant; no state: it knows nothing of it any more.
select f.id as number, f.transaction_id as id, f.outcome, p.state, p.coordinator, p.tenant_id as tenant
from concord.forced_resolutions f
left join concord.prepared_transactions p on p.participant = f.participant and p.transaction_id = f.transaction_id
where f.applied_at is null and f.participant = $1
order by f.id
limit 100
