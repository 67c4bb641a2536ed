-- title: How many countries, ASes, prefixes and addresses
-- doc: Distinct over each sensor, and over all (where the sensor is null). An AS counts with its country and a prefix with
--      its AS, so that in each row countries <= ASes <= prefixes <= addresses, also when a table changed in the window.
WITH homes AS (SELECT DISTINCT sensor, source_ip, prefix, asn, country FROM facts)
SELECT 'ccs' AS entity, sensor, count(*) AS entities
  FROM (SELECT DISTINCT sensor, country FROM homes WHERE country IS NOT NULL) GROUP BY sensor
UNION ALL SELECT 'ccs', NULL, count(*) FROM (SELECT DISTINCT country FROM homes WHERE country IS NOT NULL)
UNION ALL SELECT 'asns', sensor, count(*)
  FROM (SELECT DISTINCT sensor, asn, country FROM homes WHERE asn IS NOT NULL) GROUP BY sensor
UNION ALL SELECT 'asns', NULL, count(*) FROM (SELECT DISTINCT asn, country FROM homes WHERE asn IS NOT NULL)
UNION ALL SELECT 'cidrs', sensor, count(*)
  FROM (SELECT DISTINCT sensor, prefix, asn, country FROM homes WHERE prefix IS NOT NULL) GROUP BY sensor
UNION ALL SELECT 'cidrs', NULL, count(*) FROM (SELECT DISTINCT prefix, asn, country FROM homes WHERE prefix IS NOT NULL)
UNION ALL SELECT 'ips', sensor, count(*) FROM (SELECT DISTINCT sensor, source_ip FROM homes) GROUP BY sensor
UNION ALL SELECT 'ips', NULL, count(*) FROM (SELECT DISTINCT source_ip FROM homes)
