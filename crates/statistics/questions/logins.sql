-- title: Logins that clients offered
-- doc: Of connections that were accepted in the window, in the order of their time. The secret is as the sensor sealed it, in
--      hexadecimal digits; empty where it had no seal. Its length is -1 where it was not told.
SELECT at, source_ip, sensor, port, session_id, protocol, mechanism, login, answer, length, sealed
FROM (
    SELECT source_ip, sensor, port, session_id,
           unnest(login_times) AS at, unnest(login_protocols) AS protocol, unnest(login_mechanisms) AS mechanism,
           unnest(login_users) AS login, unnest(login_answers) AS answer, unnest(login_lengths) AS length,
           unnest(login_secrets) AS sealed
    FROM sessions
    WHERE accepted_at >= $from AND accepted_at < $until AND login_times IS NOT NULL
)
ORDER BY at, session_id
