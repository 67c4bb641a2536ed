-- title: The ports abused at each sensor
-- doc: Ports of the sensors to which anything was delivered.
SELECT DISTINCT sensor, port FROM facts ORDER BY sensor, port
