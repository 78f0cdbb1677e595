select slices, starts_after from concord.open_group($1, $2, $3)
