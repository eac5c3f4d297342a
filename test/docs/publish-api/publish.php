<?php
$item = ['group' => 'orders.eu', 'event' => 'paid', 'data' => ['order' => 'A-3', 'cents' => 990], 'id' => 'paid-A-3'];
$body = json_encode($item, JSON_THROW_ON_ERROR);
$time = time();
$signature = hash_hmac('sha256', "$time.$body", getenv('PUBLISH_KEY'));
$answer = file_get_contents(getenv('PUBLISH_URL'), false, stream_context_create(['http' => [
    'method' => 'POST',
    'header' => "Content-Type: application/json\r\nTideway-Signature: key=shop,t=$time,v1=$signature\r\n",
    'content' => $body,
    'timeout' => 10,
    'ignore_errors' => true,
]]));
echo $answer, "\n";
