select tenant_id, subject, generation, wrapped_key, master_key_id
from concord.subject_keys
where master_key_id <> $1 and master_key_id is not null
limit $2
