select concord.archived_through($1) as position
