select concord.assert_ends($1, $2, $3)
