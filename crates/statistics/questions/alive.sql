-- title: The sensors and their last sign of life
-- doc: All sensors that told anything in the seven days before the end of the window, with their last heartbeat in it.
SELECT sensor, max(at) FILTER (WHERE at >= $from) AS last_at, max(at) AS ever_at
FROM heartbeats
WHERE at >= $since AND at < $until
GROUP BY sensor
ORDER BY sensor
