-- title: Connections
-- doc: Connections that were accepted in the window and have ended, the newest first.
SELECT accepted_at, session_id, sensor, port, protocol, path, source_ip, prefix, announced, asn, as_name, country,
       messages, recipients, bytes_received, "end", quirks, requests
FROM sessions
WHERE accepted_at >= $from AND accepted_at < $until {filter}
ORDER BY accepted_at DESC, session_id
LIMIT {rows} OFFSET {skip}
