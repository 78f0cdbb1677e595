select concord.leave_group($1, $2)
