#!/usr/bin/env bash
# Suda over curl. Every call below is run by the tests against a running service.
#   SUDA_URL=http://127.0.0.1:8000 SUDA_API_KEY=suda_… clients/curl/examples.sh
set -euo pipefail
: "${SUDA_URL:?}" "${SUDA_API_KEY:?}"

# --fail-with-body: a refusal ends the script and shows its problem document.
# --retry: 429, 503 and 504 are tried again after Retry-After; the key or id below makes that safe.
suda() {
  local path=$1
  shift
  curl --silent --show-error --fail-with-body --retry 5 --retry-max-time 30 --retry-connrefused \
    --header "Authorization: Bearer $SUDA_API_KEY" "$@" "$SUDA_URL$path"
  echo
}
json() { suda "$1" --header 'Content-Type: application/json' "${@:3}" --data-binary "$2"; }
number=$(date +%s%N)

echo '# Is it ready?'
suda /readyz

echo '# One complaint. The same source and external_id again get the first answer.'
answer=$(json /v1/classify '{
  "text": "手机银行转账五万八一直显示处理中，两天了对方没收到",
  "source": "phone", "external_id": "CC-'"$number"'", "branch": "城东支行"
}' --header 'Suda-Deadline-Ms: 20000')
echo "$answer"
id=$(sed -E 's/.*"complaint_id":"([0-9A-Z]{26})".*/\1/' <<< "$answer")

echo '# Without an id of your own: an Idempotency-Key.'
json /v1/classify '{"text": "柜台排队三个小时没人理"}' --header "Idempotency-Key: key-$number"

echo '# Up to 256 in one call; each is answered with its decision or its problem.'
json /v1/classify/batch '{"items": [{"text": "信用卡被盗刷三千元"}, {"text": ""}]}' \
  --header "Idempotency-Key: batch-$number"

echo '# What was received and decided.'
suda "/v1/complaints/$id"

echo '# The department takes it on (受理); then all that happened to it.'
json "/v1/complaints/$id/events" \
  '{"event_id": "e1-'"$number"'", "kind": "accepted", "who": "staff-17"}'
suda "/v1/complaints/$id/events"

echo '# What a reviewer decided.'
json /v1/feedback '{"items": [{"complaint_id": "'"$id"'", "labels": {"urgency": "II"}, "who": "reviewer-17"}]}'

echo '# A file of complaints, decided in spare capacity; dry_run stores nothing.'
file=$(mktemp --suffix=.csv)
trap 'rm -f "$file"' EXIT
printf 'text\n排队太久\n乱收费，没人解释\n' > "$file"
job=$(suda /v1/jobs --header "Idempotency-Key: job-$number" \
  --form 'options={"saving": "dry_run", "name": "example"};type=application/json' --form "file=@$file")
echo "$job"
job=$(sed -E 's/^\{"id":"([^"]+)".*/\1/' <<< "$job")
until suda "/v1/jobs/$job" | grep -q '"state":"done"'; do sleep 0.5; done
suda "/v1/jobs/$job/result?format=csv"

echo '# The labels with their definitions.'
suda /v1/taxonomy > /dev/null

echo '# The figures, in the text format of Prometheus.'
suda /metrics | grep '^suda_ready'
