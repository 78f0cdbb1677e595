-- One tenant's feed between two positions. $3 is not above the horizon, which a statement took that ended before this one
-- began. `archived_through` belongs to the same snapshot: an event is in the table or in an archive, never in neither.
select *, (select concord.archived_through($1)) as archived_through from concord.events
where tenant_id = $1 and global_position > $2 and global_position <= $3
  and ($5::text[] is null or event_type = any ($5))
  and ($6::text[] is null or exists (select from unnest($6::text[]) as prefix where starts_with(stream_name, prefix)))
order by global_position
limit $4
