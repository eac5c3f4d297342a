body='{"group": "stock.eu", "key": "shoe-42", "value": {"pieces": 7}}'
time=$(date +%s)
signature=$(printf '%s.%s' "$time" "$body" | openssl dgst -sha256 -hmac "$PUBLISH_KEY" -r | cut -d ' ' -f 1)
curl --fail-with-body --silent --show-error "$PUBLISH_URL" \
  --header "Tideway-Signature: key=shop,t=$time,v1=$signature" \
  --json "$body"
