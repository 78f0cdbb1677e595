select applied_at as "appliedAt", overruled from concord.forced_resolutions where id = $1
