-- As read-all, for some categories: each is read in its own order, then they are merged.
select e.*, concord.archived_through($1) as archived_through from unnest($6::text[]) as wanted (category)
cross join lateral (
  select * from concord.events
  where tenant_id = $1 and concord.category(stream_name) = wanted.category
    and global_position > $2 and global_position <= $3
    and ($5::text[] is null or event_type = any ($5))
  order by global_position
  limit $4
) e
order by e.global_position
limit $4
