-- title: Each sensor's part
-- doc: Emails, recipients, connections and protocols of each sensor.
SELECT sensor, sum(emails) AS emails, sum(recipients) AS recipients, sum(bytes) AS bytes,
       sum(connections) AS connections, bit_or(protocol_bit) AS protocols
FROM facts
GROUP BY sensor
ORDER BY sensor
