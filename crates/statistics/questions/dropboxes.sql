-- title: Drop-boxes
-- doc: The recipients of the tests of the window, with the sensors and sources of these tests, and the first abuse that followed:
--      an email that is no test, from a source that had tested with this drop-box, or to the drop-box itself. The delay is
--      from the first test to that abuse, in seconds. Personal data.
WITH tests AS (
    SELECT unnest(recipients) AS dropbox, accepted_at, sensor, source_ip
    FROM messages
    WHERE accepted_at >= $from AND accepted_at < $until AND class = 'test'
), boxes AS (
    SELECT lower(dropbox) AS dropbox, min(accepted_at) AS first_seen, max(accepted_at) AS last_seen, count(*) AS probes,
           count(DISTINCT sensor) AS sensors, count(DISTINCT source_ip) AS sources,
           array_to_string(array_sort(array_agg(DISTINCT sensor)), ' ') AS sensor_names
    FROM tests
    GROUP BY lower(dropbox)
), began AS (
    SELECT lower(dropbox) AS dropbox, source_ip, min(accepted_at) AS at FROM tests GROUP BY lower(dropbox), source_ip
), abuse AS (
    SELECT source_ip, accepted_at, recipients
    FROM messages
    WHERE accepted_at >= $from AND accepted_at < $until AND (class IS DISTINCT FROM 'test')
), followed AS (
    SELECT began.dropbox, min(abuse.accepted_at) AS at
    FROM began JOIN abuse ON abuse.source_ip = began.source_ip AND abuse.accepted_at > began.at
    GROUP BY began.dropbox
    UNION ALL
    SELECT boxes.dropbox, min(seeded.accepted_at) AS at
    FROM boxes JOIN (SELECT lower(unnest(recipients)) AS dropbox, accepted_at FROM abuse) AS seeded
        ON seeded.dropbox = boxes.dropbox AND seeded.accepted_at > boxes.first_seen
    GROUP BY boxes.dropbox
), first_abuse AS (
    SELECT dropbox, min(at) AS at FROM followed GROUP BY dropbox
)
SELECT boxes.dropbox, first_seen, last_seen, probes, sensors, sources, sensor_names, first_abuse.at AS abused_at,
       CAST((CAST(first_abuse.at AS BIGINT) - CAST(first_seen AS BIGINT)) / 1000000 AS BIGINT) AS delay_seconds
FROM boxes LEFT JOIN first_abuse ON first_abuse.dropbox = boxes.dropbox
ORDER BY probes DESC, boxes.dropbox
LIMIT {rows}
