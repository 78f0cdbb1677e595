select concord.scavenge($1, $2) as removed
