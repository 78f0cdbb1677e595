select concord.prolong_processes($1, $2 * interval '1 millisecond', $3)
