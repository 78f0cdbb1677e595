select concord.note_scavenged($1, s.stream, s.before)
from unnest($2::text[], $3::bigint[]) as s (stream, before)
