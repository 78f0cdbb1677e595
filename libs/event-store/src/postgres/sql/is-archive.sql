select exists (select from concord.archives where tenant_id = $1 and file = $2) as named
