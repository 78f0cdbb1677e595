select concord.pass_waiting_event($1, $2, $3, $4, $5)
