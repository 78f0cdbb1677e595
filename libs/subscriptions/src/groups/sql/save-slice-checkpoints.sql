-- Of many tenants at once.
select concord.save_slice_checkpoint($1, $2, moved.tenant, moved.known, moved.reached)
from json_to_recordset($3::json) as moved (tenant text, known bigint, reached bigint)
