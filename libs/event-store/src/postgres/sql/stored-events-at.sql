-- Events by stream and position: what links point to. What its stream does not show is not there for links either.
select event_id, event_type, stream_name, stream_position, global_position,
  (extract(epoch from recorded_at) * 10000000)::bigint as ticks, data::text as data, metadata::text as metadata
from unnest($2::text[], $3::bigint[]) as wanted (stream, place)
join concord.events on tenant_id = $1 and stream_name = wanted.stream and stream_position = wanted.place
where concord.shows($1, wanted.stream, wanted.place)
