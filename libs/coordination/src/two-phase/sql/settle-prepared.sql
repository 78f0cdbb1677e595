select concord.settle_prepared($1, $2, $3)
