select concord.begin_transactions($1, $2, $3, $4,
  array(select p * interval '1 ms' from unnest($5::double precision[]) with ordinality as u (p, n) order by n))
