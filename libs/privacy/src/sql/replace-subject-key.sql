-- Whoever was forgotten meanwhile stays forgotten.
update concord.subject_keys
set wrapped_key = $5, master_key_id = $6
where tenant_id = $1 and subject = $2 and generation = $3 and master_key_id = $4
