-- Whoever set it aside may not have given it back yet: it is not theirs any more, lest they set it aside once more.
update concord.processes
set status = $4, due_at = clock_timestamp(), attempts = 0, reason = null, woken = woken + 1, owner = null, leased_until = null,
  changed_at = clock_timestamp()
where process = $1 and tenant_id = $2 and instance_id = $3
