-- title: The last sign of life of each sensor
-- doc: The newest heartbeat of each sensor that told anything in the seven days before; its counters run from the start of
--      the sensor's program.
SELECT *
FROM (
    SELECT *, row_number() OVER (PARTITION BY sensor ORDER BY at DESC, heartbeat_id DESC) AS place
    FROM heartbeats
    WHERE at >= $from AND at < $until
)
WHERE place = 1
ORDER BY sensor
