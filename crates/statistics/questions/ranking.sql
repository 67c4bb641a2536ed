-- title: The first k keys, the others, and all
-- doc: Ranked by emails or by recipients, then by the other, then by key. The row after the first k sums up the others and
--      tells how many they are.
WITH keyed AS (
    SELECT {keys}, {labels}, sensor,
           sum(emails) AS emails, sum(recipients) AS recipients, sum(bytes) AS bytes,
           sum(connections) AS connections, bit_or(protocol_bit) AS protocols
    FROM {table}
    GROUP BY {groups}, sensor
), summed AS (
    SELECT {key_names}, {label_names},
           sum(emails) AS emails, sum(recipients) AS recipients, sum(bytes) AS bytes,
           sum(connections) AS connections, bit_or(protocols) AS protocols, count(*) AS sensors
    FROM keyed
    GROUP BY {key_names}
), ranked AS (
    SELECT *, CAST(row_number() OVER (ORDER BY {first} DESC, {second} DESC, {key_names}) AS BIGINT) AS rank
    FROM summed
)
SELECT least(rank, $top + 1) AS rank, count(*) AS keys, {shown},
       sum(emails) AS emails, sum(recipients) AS recipients, sum(bytes) AS bytes,
       sum(connections) AS connections, bit_or(protocols) AS protocols, max(sensors) AS sensors
FROM ranked
GROUP BY least(rank, $top + 1)
ORDER BY 1
