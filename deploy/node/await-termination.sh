#!/bin/bash
# Waits until Auto Scaling means to terminate this instance, then stops the stack in good order while
# the lifecycle hook still holds the instance (terraform/fleets.tf). The shutdown that EC2 does
# afterwards is too short to write the ingesters' memory to S3. Nobody has to complete the hook: it
# goes on by itself at the end of its time, so the node needs no permission for it.
set -euo pipefail

base="${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}"
every="${GLT_TERMINATION_POLL_SECONDS:-5}"

state() {
    local token
    token="$(curl --silent --fail --max-time 2 --request PUT \
        --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$base/latest/api/token")" || return 1
    curl --silent --fail --max-time 2 --header "X-aws-ec2-metadata-token: $token" \
        "$base/latest/meta-data/autoscaling/target-lifecycle-state"
}

# No answer is no order to stop: only the word itself counts.
until [ "$(state || true)" = Terminated ]; do
    sleep "$every"
done

# The word may be there before the load balancer has let go of the node, and connections that it
# still finishes must find the products up.
echo "Auto Scaling is going to terminate this instance: stopping in $DEREGISTRATION_SECONDS s"
sleep "$DEREGISTRATION_SECONDS"

# Stops what is ordered after it first: the registration (which leaves), then the health check (which
# drains), then the containers (which flush).
systemctl stop glt.service
# This unit has done its work; staying keeps systemd from starting it again.
exec sleep infinity
