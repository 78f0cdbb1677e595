-- Where a stream ends of which nothing is hidden; -2 for any other.
select concord.whole_end($1, $2) as end
