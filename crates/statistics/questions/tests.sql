-- title: Tests of the sensors
-- doc: Messages accepted in the window by which abusers tried a sensor, by sensor. They are not among the emails.
SELECT sensor, count(*) AS emails, count(DISTINCT source_ip) AS addresses
FROM messages
WHERE accepted_at >= $from AND accepted_at < $until AND class = 'test' {filter}
GROUP BY sensor
ORDER BY sensor
