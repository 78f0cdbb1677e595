select slice, fencing_token, surplus, lacking
from concord.group_beat($1, $2, $3, $4 * interval '1 millisecond', $5)
