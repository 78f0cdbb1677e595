-- Positions that have moved by passing only, of all slices of a member at once: of those that are its own still, which are held
-- until the transaction ends.
with held as (
  select s.slice from concord.group_slices s
  join json_to_recordset($2::json) as own (slice integer, token bigint) on own.slice = s.slice and own.token = s.fencing_token
  where s.group_name = $1
  order by s.slice
  for share of s
)
select held.slice, concord.save_slice_checkpoint($1, held.slice, moved.tenant, moved.known, moved.reached)
from held
join json_to_recordset($3::json) as moved (slice integer, tenant text, known bigint, reached bigint)
  on moved.slice = held.slice
