-- Where a stream ends (-1: nowhere), or the refusal that an append with this expected version would get. `offset 0` keeps the
-- subquery apart, without which concord.meets would not be inlined.
select ends.last,
  case when not concord.meets($1, $2, $3, ends.last) then concord.refuse_version($2, $3, ends.last) end as refused
from (select concord.stream_end($1, $2) as last offset 0) as ends
