-- Only what is in the partial indexes, so what waits for an event or has ended costs nothing here.
select p.process, case
    when p.status = 'compensating' then 'compensating'
    when p.due_at <= clock_timestamp() then 'due'
    when p.attempts > 0 or p.reason is not null then 'retrying'
    else 'timer' end as state, count(*)::integer as instances
from concord.processes p
where p.due_at is not null and p.status <> 'quarantined' and p.process = any ($1)
group by 1, 2
union all
select p.process, 'quarantined', count(*)::integer
from concord.processes p
where p.status = 'quarantined' and p.process = any ($1)
group by 1
