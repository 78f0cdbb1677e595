select w.tenant, w.stream, w.owner, w.mode, w.asked_at, w.for_owner, w.for_mode, w.is_held, w.prepared,
  coalesce(s.label, '') as label
from concord.lock_waits w
left join concord.lock_sessions s on s.session = w.for_session
order by w.tenant, w.stream, w.asked_at, w.owner
