<?php
// SPDX-License-Identifier: MIT
// redcapd_client.php URL FILE: talk to a REDCap as the PHP of its own API examples does; the token of
// a project with the schema research-project is in FILE. Exit 1 for the first answer that is not
// what such a client can use.
error_reporting(E_ALL);
[$url, $token] = [$argv[1], trim(file_get_contents($argv[2]))];

/** A call with nested arrays, as http_build_query() writes them; returns status and body. */
function call(array $parameters): array
{
    global $url, $token;
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: application/x-www-form-urlencoded',
        'content' => http_build_query(['token' => $token] + $parameters, '', '&'),
        'ignore_errors' => true,
        'timeout' => 30,
    ]]);
    $body = file_get_contents($url, false, $context);
    return [(int) explode(' ', $http_response_header[0])[1], $body];
}

function expect(array $parameters, int $status, callable $is_good): void
{
    [$got, $body] = call($parameters);
    if ($got !== $status || !$is_good($body)) {
        fwrite(STDERR, json_encode($parameters) . " $got " . substr($body, 0, 300) . "\n");
        exit(1);
    }
}

$rows = [
    ['record_id' => 'P 1', 'first_name' => 'a "b", <c> æøå', 'age' => 1.5, 'sex' => 1],
    ['record_id' => 'P 2', 'redcap_event_name' => 'baseline_arm_1', 'first_name' => null],
];
expect(
    ['content' => 'record', 'action' => 'import', 'format' => 'json', 'type' => 'flat',
        'overwriteBehavior' => 'normal', 'forceAutoNumber' => 'false', 'data' => json_encode($rows),
        'returnContent' => 'count', 'returnFormat' => 'json'],
    200,
    fn($body) => json_decode($body, true) === ['count' => 2]
);
expect(
    ['content' => 'record', 'action' => 'export', 'format' => 'json', 'type' => 'flat',
        'csvDelimiter' => '', 'records' => ['P 1', 'none'], 'fields' => ['record_id', 'first_name'],
        'forms' => [], 'events' => ['event_1_arm_1', 'baseline_arm_1'], 'rawOrLabel' => 'raw',
        'rawOrLabelHeaders' => 'raw', 'exportCheckboxLabel' => 'false',
        'exportSurveyFields' => 'false', 'exportDataAccessGroups' => 'false',
        'returnFormat' => 'json'],
    200,
    function ($body) use ($rows) {
        $back = json_decode($body, true);
        return count($back) === 1 && $back[0]['first_name'] === $rows[0]['first_name']
            && $back[0]['redcap_event_name'] === 'event_1_arm_1';
    }
);
expect(
    ['content' => 'record', 'format' => 'csv', 'fields' => ['record_id', 'first_name'],
        'records' => [5 => 'P 1']],
    200,
    function ($body) use ($rows) {
        $lines = explode("\n", trim($body));
        $table = array_map(fn($line) => str_getcsv($line, ',', '"', ''), $lines);
        return in_array($rows[0]['first_name'], $table[1], true) && count($table) === 2;
    }
);
expect(
    ['content' => 'record', 'format' => 'xml', 'records' => ['P 1']],
    200,
    function ($body) {
        $items = explode('<item>', $body);
        return count($items) === 2 && str_contains($body, '<![CDATA[a "b", <c> æøå]]>');
    }
);
expect(
    ['content' => 'event', 'format' => 'json', 'arms' => [1], 'returnFormat' => 'json'],
    200,
    fn($body) => in_array('baseline_arm_1', array_column(json_decode($body, true), 'unique_event_name'))
);
expect(
    ['content' => 'record', 'format' => 'json', 'fields' => ['record_id', 'no_such']],
    400,
    fn($body) => str_contains(json_decode($body, true)['error'], "'no_such'")
);
expect(
    ['action' => 'delete', 'content' => 'record', 'records' => ['P 1', 'P 2'], 'returnFormat' => 'json'],
    200,
    fn($body) => $body === '2'
);
print("all answers are good\n");
