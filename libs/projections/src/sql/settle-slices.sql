select concord.settle_slices($1, $2, $3)
