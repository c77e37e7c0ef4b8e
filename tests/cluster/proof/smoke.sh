#!/bin/bash
# Proof run: up, load an image, native sidecar, Service, DNS, webhook, down.
set -euo pipefail
proof=$(cd "$(dirname "$0")" && pwd); kit=$proof/..; D=$(mktemp -d)
"$kit/up" --dir "$D"; trap '"$kit/down" --dir "$D"' EXIT
"$kit/load-image" "$proof/ctx/Dockerfile" app:dev "$proof/ctx" --dir "$D" 2>&1 | tail -1
export KUBECONFIG=$D/admin.kubeconfig; K=$(echo "${OUTRIDER_CLUSTER_CACHE:-$HOME/.cache/outrider-cluster}"/v*/bin/kubectl)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hook -addext subjectAltName=DNS:hook.default.svc -keyout "$D/tls.key" -out "$D/tls.crt" 2>/dev/null
$K create configmap hookpy --from-file="$proof/hook/hook.py"; $K create secret tls hooktls --cert "$D/tls.crt" --key "$D/tls.key"
sed "s|CA_BUNDLE|$(base64 -w0 "$D/tls.crt")|" "$proof/hook/all.yaml" | $K apply -f "$proof/pod.yaml" -f - >/dev/null
$K rollout status deploy/web --timeout=60s | tail -1; $K wait --for=condition=Ready pod/hook pod/demo --timeout=60s
$K run -n hooked m1 --image=app:dev; $K get pod -n hooked m1 -o jsonpath='{.metadata.labels}'; echo
$K exec demo -c app -- python -c 'import urllib.request;print(urllib.request.urlopen("http://web.default.svc/").read(), urllib.request.urlopen("http://localhost:9090/").read())'
$K get pods -A
