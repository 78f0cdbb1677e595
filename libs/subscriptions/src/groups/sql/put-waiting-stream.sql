-- With $9 the event at that global position is done with. $10: what is before it is.
insert into concord.waiting_streams
  (group_name, tenant_id, stream_name, slice, next_position, attempts, reason, retry_at, done_through, next_global)
values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + $8::float8 * interval '1 millisecond', coalesce($9, 0), $10)
on conflict (group_name, tenant_id, stream_name) do update
  set next_position = excluded.next_position, attempts = excluded.attempts, reason = excluded.reason,
    retry_at = excluded.retry_at, done_through = greatest(excluded.done_through, waiting_streams.done_through),
    next_global = excluded.next_global
