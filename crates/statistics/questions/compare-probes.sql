-- title: What came in vain to listeners with a factor and to those without
-- doc: Connections accepted in the window that had ended without an email, and those of them that were refused: because
--      the source is on a block list, or has as many connections as it may have.
SELECT coalesce(array_has(factors, $factor), FALSE) AS is_set,
       count(*) AS probes,
       count(*) FILTER (WHERE array_has(quirks, 'refused-by-list') OR "end" = 'too-many-connections') AS refused
FROM sessions
WHERE accepted_at >= $from AND accepted_at < $until AND messages = 0 {filter}
GROUP BY 1
ORDER BY 1
