select process, tenant_id, instance_id, version, attempts, woken, inbox, moment
from concord.claim_processes($1, $2, $3 * interval '1 millisecond', $4)
