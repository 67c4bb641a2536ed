-- title: Test messages
-- doc: Each test accepted in the window, the newest first, with its envelope: personal data.
SELECT accepted_at, message_id, sensor, port, protocol, source_ip, sender, recipients, size, sha256,
       probe_sign, probe_place, probe_strength, probe_port, probe_index, probe_tester, probe_reason,
       coalesce(array_has(factors, 'release-tests'), FALSE) AS is_marked
FROM messages
WHERE accepted_at >= $from AND accepted_at < $until AND class = 'test' {filter}
ORDER BY accepted_at DESC, message_id
LIMIT {rows}
