select concord.hold_slice($1, $2, $3)
