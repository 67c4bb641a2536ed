-- title: What came to listeners with a factor and to those without
-- doc: Emails, recipients, bytes, connections that delivered anything and their addresses, where the factor was set and
--      where it was not, by the setting that each connection was accepted under.
SELECT coalesce(array_has(factors, $factor), FALSE) AS is_set,
       count(*) FILTER (WHERE accepted_at < $until) AS emails,
       coalesce(sum(recipient_count) FILTER (WHERE accepted_at < $until), 0) AS recipients,
       coalesce(sum(size) FILTER (WHERE accepted_at < $until), 0) AS bytes,
       count(*) FILTER (WHERE {first} AND session_accepted_at >= $from) AS connections,
       count(DISTINCT CASE WHEN accepted_at < $until OR session_accepted_at >= $from THEN source_ip END) AS ips
FROM messages
WHERE accepted_at >= $from AND session_accepted_at < $until AND (accepted_at < $until OR {first}) {class} {filter}
GROUP BY 1
ORDER BY 1
