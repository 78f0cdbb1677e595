select concord.last_position() as position
