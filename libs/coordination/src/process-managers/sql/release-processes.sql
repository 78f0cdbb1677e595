select concord.release_processes($1, $2)
