# What a node does once, at its first boot. Terraform puts a line `#!/bin/bash` and the exported
# settings that are checked below in front of this. Everything that must also happen at a reboot is
# in systemd units: cloud-init does not run this a second time.
# shellcheck shell=bash
set -euo pipefail

for name in SERVICE_ID STACK_ID REGION RING MEMBERS_NAME LOKI_BUCKET TEMPO_BUCKET \
    GRAFANA_DB_HOST GRAFANA_DB_NAME GRAFANA_DB_USER GRAFANA_ROOT_URL GRAFANA_TENANT \
    DEREGISTRATION_SECONDS BUNDLE BUNDLE_SHA256 PARAMETERS; do
    if [ -z "${!name:-}" ]; then
        echo "user-data: $name is not set; see node_settings in terraform/fleets.tf" >&2
        exit 1
    fi
done

# The image brings these. A boot that depends on a package mirror fails when many nodes boot at once,
# which is when it must not.
for tool in docker aws curl systemctl; do
    command -v "$tool" >/dev/null || {
        echo "user-data: the image has no $tool; see README.md, \"The image\"" >&2
        exit 1
    }
done
docker compose version >/dev/null

# IMDSv2: a token first, short limits, a few tries while the network comes up.
metadata() {
    local token
    token="$(curl --silent --fail --max-time 2 --retry 5 --retry-connrefused --request PUT \
        --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)"
    curl --silent --fail --max-time 2 --retry 5 --header "X-aws-ec2-metadata-token: $token" \
        "http://169.254.169.254/latest/meta-data/$1"
}
SYSTEM_INSTANCE_ID="$(metadata instance-id)"
SYSTEM_IP_ADDR="$(metadata local-ipv4)"

# The bundle: this directory, the units, and the program (README.md, "The bundle"). A digest, because
# whoever can write to the bucket could otherwise run anything on every new node.
cd "$(mktemp -d)"
aws s3 cp --region "$REGION" --only-show-errors "$BUNDLE" bundle.tar.gz
echo "$BUNDLE_SHA256  bundle.tar.gz" | sha256sum --check --quiet
tar --extract --gzip --no-same-owner --file bundle.tar.gz
install --mode=0755 quarterdeck /usr/local/bin/quarterdeck
install --directory /opt/glt /etc/glt
cp --recursive node/. /opt/glt/
install --mode=0644 systemd/*.service /etc/systemd/system/
install --mode=0755 node/await-termination.sh /usr/local/bin/glt-await-termination

# The containers' own users (compose.yaml); their images run as nobody else.
install --directory --owner=10001 --group=10001 /var/lib/glt/loki /var/lib/glt/tempo
install --directory --owner=472 --group=0 /var/lib/glt/grafana
install --directory --owner=472 --group=0 --mode=0500 /etc/glt/secrets

for secret in grafana-db-password grafana-secret-key; do
    (
        umask 0377
        aws ssm get-parameter --region "$REGION" --with-decryption --output text \
            --query Parameter.Value --name "$PARAMETERS/$secret" >"/etc/glt/secrets/$secret"
    )
    chown 472:0 "/etc/glt/secrets/$secret"
done

# Who this node is, for the units and the containers. All of it stays true as long as the instance
# lives; an image made of this node gets its own at its own first boot.
cat >/etc/glt/node.env <<END
SERVICE_ID=$SERVICE_ID
STACK_ID=$STACK_ID
REGION=$REGION
SYSTEM_INSTANCE_ID=$SYSTEM_INSTANCE_ID
SYSTEM_IP_ADDR=$SYSTEM_IP_ADDR
RING=$RING
MEMBERS_NAME=$MEMBERS_NAME
LOKI_BUCKET=$LOKI_BUCKET
TEMPO_BUCKET=$TEMPO_BUCKET
GRAFANA_DB_HOST=$GRAFANA_DB_HOST
GRAFANA_DB_NAME=$GRAFANA_DB_NAME
GRAFANA_DB_USER=$GRAFANA_DB_USER
GRAFANA_ROOT_URL=$GRAFANA_ROOT_URL
GRAFANA_TENANT=$GRAFANA_TENANT
DEREGISTRATION_SECONDS=$DEREGISTRATION_SECONDS
END

# Enabled, so that a reboot starts them again; `--now` for this first boot.
systemctl daemon-reload
systemctl enable --now glt.service quarterdeck-healthz.service quarterdeck-register.service \
    glt-termination.service
