select concord.delete_stream($1, $2, $3, $4, $5) as position
