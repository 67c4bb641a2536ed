-- title: Connections that delivered nothing
-- doc: Connections accepted in the window that had ended without an email, by sensor.
SELECT sensor, sum(connections) AS connections, count(*) AS addresses
FROM (
    SELECT sensor, source_ip, count(*) AS connections
    FROM sessions
    WHERE accepted_at >= $from AND accepted_at < $until AND messages = 0 {filter}
    GROUP BY sensor, source_ip
)
GROUP BY sensor
ORDER BY sensor
