select tenant_id, subject, generation, wrapped_key, master_key_id
from concord.subject_keys
where tenant_id = $1 and subject = any ($2::text[])
