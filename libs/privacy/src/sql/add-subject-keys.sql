-- In one order for all, so that those who add several do not wait for each other in a circle.
insert into concord.subject_keys (tenant_id, subject, generation, wrapped_key, master_key_id)
select $1, new.subject, new.generation, new.wrapped_key, new.master_key_id
from unnest($2::text[], $3::integer[], $4::bytea[], $5::text[]) as new (subject, generation, wrapped_key, master_key_id)
order by new.subject collate "C"
on conflict (tenant_id, subject, generation) do nothing
