-- title: How long listeners with a factor listened, and those without
-- doc: The listeners of each sensor, the most at once in one of its runs, and how long they listened within the window:
--      from the start of a run to its last sign of life, of which there is one each minute. Sensors that told nothing of
--      factors have none.
WITH lives AS (
    SELECT sensor, boot, started_at, at, listening, ports,
           row_number() OVER (PARTITION BY sensor, boot ORDER BY at DESC, heartbeat_id) AS place
    FROM heartbeats
    WHERE at >= $from AND at < $late AND started_at < $until {filter}
), last AS (
    SELECT sensor, boot, listening, ports,
           CAST((date_part('epoch', least(at, $until)) - date_part('epoch', greatest(started_at, $from))) * 1000 AS BIGINT)
               AS lived
    FROM lives
    WHERE place = 1
), listeners AS (
    SELECT sensor, boot, unnest(listening) AS listener, lived
    FROM last
    WHERE listening IS NOT NULL
    UNION ALL
    SELECT sensor, boot, CAST(port AS VARCHAR) AS listener, lived
    FROM (SELECT sensor, boot, unnest(ports) AS port, lived FROM last WHERE listening IS NULL)
), counted AS (
    SELECT sensor, boot, array_has(string_to_array(listener, ' '), $factor) AS is_set,
           count(*) AS listeners, sum(greatest(lived, 0)) AS ms
    FROM listeners
    WHERE TRUE {ports}
    GROUP BY 1, 2, 3
), by_sensor AS (
    SELECT sensor, is_set, max(listeners) AS listeners, sum(ms) AS ms
    FROM counted
    GROUP BY sensor, is_set
)
SELECT is_set, sum(listeners) AS listeners, sum(ms) AS ms
FROM by_sensor
GROUP BY is_set
ORDER BY is_set
