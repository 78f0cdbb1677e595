select concord.shows($1, $2, $3) as shows
