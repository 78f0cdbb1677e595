select concord.release_slice($1, $2, $3)
