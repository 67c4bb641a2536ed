-- title: Findings by day
-- doc: By day (UTC): customers that were first called abuse, those with viruses apart; machines of others that were; findings
--      of trouble that never were abuse, by the day on which they were told; and findings that a person called wrong, by the
--      day of the first such word.
SELECT day,
       count(*) FILTER (WHERE figure = 'spam') AS spam,
       count(*) FILTER (WHERE figure = 'viruses') AS viruses,
       count(*) FILTER (WHERE figure = 'remotes') AS remotes,
       count(*) FILTER (WHERE figure = 'trouble') AS trouble,
       count(*) FILTER (WHERE figure = 'wrong') AS wrong
FROM (
    SELECT date_bin(INTERVAL '1 day', abuse_since) AS day,
           CASE WHEN party = 'remote' THEN 'remotes'
                WHEN diagnosis = 'mass-mailer-virus' OR viruses > 0 THEN 'viruses'
                ELSE 'spam' END AS figure
    FROM cases
    WHERE abuse_since >= $from AND abuse_since < $until
    UNION ALL
    SELECT date_bin(INTERVAL '1 day', opened_at) AS day, 'trouble' AS figure
    FROM cases
    WHERE opened_at >= $from AND opened_at < $until AND class = 'trouble' AND abuse_since IS NULL
    UNION ALL
    SELECT date_bin(INTERVAL '1 day', first_wrong_at) AS day, 'wrong' AS figure
    FROM cases
    WHERE first_wrong_at >= $from AND first_wrong_at < $until
)
GROUP BY day
ORDER BY day
