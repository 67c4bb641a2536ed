-- title: What was sent in each dialect
-- doc: As the first question, by the dialect of the connection instead of the source. While a connection is open it has no
--      dialect yet.
WITH spoken AS (SELECT session_id AS spoken_id, dialect_hash, dialect FROM sessions WHERE dialect_hash IS NOT NULL)
SELECT sensor, dialect_hash, max(dialect) AS dialect, protocol_bit,
       count(*) FILTER (WHERE accepted_at < $until) AS emails,
       coalesce(sum(recipient_count) FILTER (WHERE accepted_at < $until), 0) AS recipients,
       coalesce(sum(size) FILTER (WHERE accepted_at < $until), 0) AS bytes,
       count(*) FILTER (WHERE {first} AND session_accepted_at >= $from) AS connections
FROM messages LEFT JOIN spoken ON session_id = spoken_id
WHERE accepted_at >= $from AND session_accepted_at < $until AND (accepted_at < $until OR {first}) {class} {filter}
GROUP BY sensor, dialect_hash, protocol_bit
