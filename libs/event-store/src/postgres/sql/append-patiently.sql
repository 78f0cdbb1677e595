-- Appends to one stream, and waits for locks, but for no longer than $3 (55P03). `appends` is read from the first part, so
-- that the second cannot come before the setting.
with patient as materialized (select $2::json as appends, set_config('lock_timeout', $3, true))
select a.last_stream_position, a.global_positions, a.repeated, a.recorded_at
from patient cross join lateral concord.append($1, patient.appends) a
