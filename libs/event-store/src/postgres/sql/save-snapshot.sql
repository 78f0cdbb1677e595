select concord.save_snapshot($1, $2, $3, $4, $5, $6)
