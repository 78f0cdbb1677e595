-- Appends to one stream, unless somebody has it locked: then there is no row. It hardly waits for anything else either: for
-- an event id that another transaction is adding it gives up after $4 (55P03), and nothing is changed. `appends` is read from
-- the first part, so that the second cannot come before the lock.
with free as materialized (
  select $2::json as appends, set_config('lock_timeout', $4, true)
  from (select pg_try_advisory_xact_lock(concord.stream_lock_key($1, $3)) as free) try where try.free
)
select a.last_stream_position, a.global_positions, a.repeated, a.recorded_at
from free cross join lateral concord.append($1, free.appends) a
