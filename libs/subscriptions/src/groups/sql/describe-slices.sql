-- An owner that has not been heard of in time is none, though nobody has taken its slice yet.
with waiting as (
  select slice, count(*)::integer as streams from concord.waiting_streams where group_name = $1 group by slice
), parked as (
  select slice, count(*)::integer as events from concord.parked_events where group_name = $1 group by slice
)
select s.slice, m.member_id, s.fencing_token, s.owned_since, (m.lags ->> s.slice::text)::bigint as lag,
  coalesce(w.streams, 0) as waiting_streams, coalesce(p.events, 0) as parked
from concord.group_slices s
left join concord.group_members m
  on m.group_name = s.group_name and m.member_id = s.member_id and m.expires_at > clock_timestamp()
left join waiting w on w.slice = s.slice
left join parked p on p.slice = s.slice
where s.group_name = $1
order by s.slice
