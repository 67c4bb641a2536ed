-- title: Findings about customers, each as it was told last
-- doc: What a program told last of each finding up to the end of the window, and when each word of a person was said. Right
--      takes wrong back, and wrong takes right back. A finding is closed when a person called it wrong or fixed, and when it
--      is quiet and no abuse. Names of accounts and lines of logs are personal and not in the answer.
WITH told AS (
    SELECT *, row_number() OVER (
        PARTITION BY finding
        ORDER BY change IN ('right', 'wrong', 'informed', 'fixed'), told_at DESC, last_seen DESC, recipients DESC,
                 messages DESC, change = 'opened'
    ) AS place
    FROM findings
    WHERE told_at < $until {filter}
), words AS (
    SELECT finding,
           max(told_at) FILTER (WHERE change = 'right') AS right_at,
           max(told_at) FILTER (WHERE change = 'wrong') AS wrong_at,
           min(told_at) FILTER (WHERE change = 'wrong') AS first_wrong_at,
           max(told_at) FILTER (WHERE change = 'informed') AS informed_at,
           max(told_at) FILTER (WHERE change = 'fixed') AS fixed_at
    FROM findings
    WHERE told_at < $until {filter}
    GROUP BY finding
), judged AS (
    SELECT told.finding, party, source_ip, prefix, announced, asn, as_name, country, class, diagnosis, probability,
           opened_at, abuse_since, first_seen, last_seen, messages, recipients, failed, strangers, spams, viruses,
           rules, reasons, again, change = 'quiet' AS is_quiet, informed_at, fixed_at, first_wrong_at,
           CASE WHEN wrong_at IS NULL OR right_at > wrong_at THEN right_at END AS right_at,
           CASE WHEN right_at IS NULL OR right_at <= wrong_at THEN wrong_at END AS wrong_at
    FROM told JOIN words ON words.finding = told.finding
    WHERE place = 1
)
SELECT *,
       fixed_at IS NOT NULL OR wrong_at IS NOT NULL OR (is_quiet AND class <> 'abuse') AS is_closed,
       coalesce(fixed_at, CASE WHEN is_quiet THEN last_seen END) AS ended_at
FROM judged
