select concord.begin_projecting($1, $2, $3) as begun
