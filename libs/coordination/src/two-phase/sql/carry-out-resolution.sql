update concord.forced_resolutions f
set applied_at = clock_timestamp(), overruled = $2
where f.id = $1 and f.applied_at is null
