-- Events that do not follow the one before them in their stream: by a gap, which only a tombstone may leave, or by a place in the
-- feed that is not behind that of the one before. $2: at most so many.
select tenant_id, stream_name, stream_position, global_position, before, before_global from (
  select tenant_id, stream_name, stream_position, global_position,
    lag(stream_position) over stream as before, lag(global_position) over stream as before_global
  from concord.events
  where $1::text is null or tenant_id = $1
  window stream as (partition by tenant_id, stream_name order by stream_position)
) pairs
where before is not null
  and (before_global >= global_position or (stream_position <> before + 1 and stream_position <> 9223372036854775807))
order by tenant_id, stream_name, stream_position
limit $2
