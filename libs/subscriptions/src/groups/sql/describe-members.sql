select member_id, label, joined_at from concord.group_members
where group_name = $1 and expires_at > clock_timestamp()
order by joined_at, member_id
