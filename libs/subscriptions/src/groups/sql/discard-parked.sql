select concord.discard_parked($1, $2, $3::uuid[]) as discarded
