-- An owner that has not been heard of in time is none, though nobody has taken its slice yet.
select s.slice, m.member_id, s.fencing_token, s.owned_since, (m.lags ->> s.slice::text)::bigint as lag,
  (select count(*)::integer from concord.waiting_streams w where w.group_name = s.group_name and w.slice = s.slice)
    as waiting_streams,
  (select count(*)::integer from concord.parked_events p where p.group_name = s.group_name and p.slice = s.slice) as parked
from concord.group_slices s
left join concord.group_members m
  on m.group_name = s.group_name and m.member_id = s.member_id and m.expires_at > clock_timestamp()
where s.group_name = $1
order by s.slice
