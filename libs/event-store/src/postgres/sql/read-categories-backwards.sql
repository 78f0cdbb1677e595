-- As read-categories, the newest event first.
select e.*, (select concord.archived_through($1)) as archived_through
from unnest($7::text[]) as wanted (category)
cross join lateral (
  select * from concord.events
  where tenant_id = $1 and concord.category(stream_name) = wanted.category
    and global_position > $2 and global_position <= $3
    and ($5::text[] is null or event_type = any ($5))
    and ($6::text[] is null or exists (select from unnest($6::text[]) as prefix where starts_with(stream_name, prefix)))
  order by global_position desc
  limit $4
) e
order by e.global_position desc
limit $4
