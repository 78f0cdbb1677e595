select starts_after from concord.consumer_groups where group_name = $1
