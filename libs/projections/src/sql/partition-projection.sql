select concord.partition_projection($1, $2) as slices
