-- One tenant's feed. $3 is the horizon, taken by a statement that ended before this one began. `archived_through` belongs
-- to the same snapshot: an event is in the table or in an archive, never in neither.
select *, concord.archived_through($1) as archived_through from concord.events
where tenant_id = $1 and global_position > $2 and global_position <= $3
  and ($5::text[] is null or event_type = any ($5))
order by global_position
limit $4
