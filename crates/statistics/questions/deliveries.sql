-- title: Connections that delivered email
-- doc: Connections accepted in the window that delivered anything, the newest first; how one ended, and with how many
--      emails, is not known while it is open.
SELECT delivered.*, sessions.messages, sessions.recipients, sessions.bytes_received, sessions."end", sessions.quirks
FROM (
    SELECT session_accepted_at AS accepted_at, session_id, sensor, port, protocol, path, source_ip, prefix, announced,
           asn, as_name, country
    FROM messages
    WHERE {first} AND accepted_at >= $from AND session_accepted_at >= $from AND session_accepted_at < $until {class}
          {filter}
    ORDER BY session_accepted_at DESC, session_id
    LIMIT {rows} OFFSET {skip}
) AS delivered
LEFT JOIN sessions ON sessions.session_id = delivered.session_id
    AND sessions.accepted_at >= $from AND sessions.accepted_at < $until
ORDER BY delivered.accepted_at DESC, delivered.session_id
