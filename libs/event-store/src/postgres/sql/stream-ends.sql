select s.stream, concord.stream_end($1, s.stream) as last from unnest($2::text[]) as s (stream)
