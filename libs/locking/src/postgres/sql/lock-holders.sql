select h.owner, coalesce(s.label, '') as label, h.mode, h.prepared, true as holds
from concord.lock_buckets b
cross join unnest(b.holds) h
left join concord.lock_sessions s on s.session = h.session
where b.bucket = concord.lock_bucket($1, $2) and h.tenant = $1 and h.stream = $2
union all
(select w.owner, coalesce(s.label, ''), w.mode, false, false
from concord.lock_waiters w
left join concord.lock_sessions s on s.session = w.session
where w.bucket = concord.lock_bucket($1, $2) and w.tenant = $1 and w.stream = $2
order by w.started, w.origin
limit 1)
