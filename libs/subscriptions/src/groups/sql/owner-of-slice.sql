select m.label from concord.group_slices s
join concord.group_members m on m.group_name = s.group_name and m.member_id = s.member_id
where s.group_name = $1 and s.slice = $2 and m.expires_at > clock_timestamp()
