select concord.forget_subject($1, $2, $3, $4) as outcome
