select concord.save_slice_checkpoint($1, $2, $3, $4, $5)
