curl --fail-with-body --silent --show-error --retry 5 "$PUBLISH_URL" \
  --header "Authorization: Bearer $PUBLISH_KEY" \
  --json '{"group": "orders.eu", "event": "paid", "data": {"order": "A-1", "cents": 1900}, "id": "paid-A-1"}'
