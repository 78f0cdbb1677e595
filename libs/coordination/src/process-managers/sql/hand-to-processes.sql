select concord.hand_to_processes($1, $2)
