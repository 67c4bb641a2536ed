-- title: Complaints of others by day
-- doc: Complaints that came in on each day (UTC), each once, and the mails they stand for.
SELECT date_bin(INTERVAL '1 day', received_at) AS day, count(*) AS complaints, sum(incidents) AS incidents
FROM complaints
WHERE received_at >= $from AND received_at < $until
GROUP BY 1
ORDER BY 1
