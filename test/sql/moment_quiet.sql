-- quiet hours over the nights in which clocks are changed, north and south: by the law that a message waits exactly as long as the customer's clock shows a quiet hour
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE SCHEMA mq;
CREATE TABLE mq.customer (id int PRIMARY KEY, email text, zone text);
INSERT INTO mq.customer SELECT n, 'c' || n, zone FROM unnest('{Europe/Berlin,Australia/Sydney,Australia/Lord_Howe,America/Santiago,Africa/Cairo,Asia/Kathmandu}'::text[]) WITH ORDINALITY z(zone, n);
SET persona.clock = '2026-01-01 12:00+00';
SELECT count(*) FROM persona.define_space('mq', 'mq.customer');
SET persona.space = 'mq';
SELECT count(*) FROM persona.define_channel('email', 'email', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM persona.define_moment('hello', schedule => 'daily', purpose => 'service', channel => 'email', template => '{{ email }}', generic => 'x', expires => NULL, hypothesis => 'h') WHERE level = 'block';

-- instants around each change of clocks of the year, found by asking PostgreSQL for the offset of every hour
CREATE TABLE mq.instant AS
SELECT c.id, c.zone, h AS changed_at, h + e * interval '37 minutes' AS at
FROM mq.customer c, generate_series(timestamptz '2026-01-01 00:00+00', '2026-12-31 00:00+00', '30 minutes') h, generate_series(-6, 6, 2) e
WHERE (h AT TIME ZONE c.zone) - ((h - interval '30 minutes') AT TIME ZONE c.zone) <> interval '30 minutes';
SELECT zone, count(DISTINCT changed_at) AS changes FROM mq.instant GROUP BY 1 ORDER BY 1;
-- ... and an ordinary night for those who have none
INSERT INTO mq.instant SELECT id, zone, '2026-06-01 20:00+00', timestamptz '2026-06-01 14:00+00' + e * interval '1 hour 7 minutes' FROM mq.customer, generate_series(0, 8) e WHERE zone = 'Asia/Kathmandu';

-- the first minute from an instant on at which a clock shows no quiet hour
CREATE FUNCTION mq.by_the_clock(at timestamptz, zone text, quiet_from time, quiet_to time) RETURNS timestamptz LANGUAGE sql STABLE AS $$
	SELECT min(m) FROM (SELECT at AS m UNION ALL SELECT generate_series(date_trunc('minute', at) + interval '1 minute', at + interval '30 hours', '1 minute')) t
	WHERE CASE WHEN quiet_from <= quiet_to THEN (m AT TIME ZONE zone)::time NOT BETWEEN quiet_from AND quiet_to - interval '1 microsecond'
		ELSE (m AT TIME ZONE zone)::time >= quiet_to AND (m AT TIME ZONE zone)::time < quiet_from END
$$;
CREATE FUNCTION mq.judge(quiet text) RETURNS TABLE (cases bigint, deferred bigint, as_the_clock_shows boolean) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.define_policy(channel => 'email', quiet => quiet);
	RETURN QUERY SELECT count(*), count(*) FILTER (WHERE s.outcome = 'defer'),
		bool_and(CASE WHEN law.t = i.at THEN s.outcome = 'send' ELSE s.outcome = 'defer' AND s.due = law.t END)
	FROM mq.instant i, persona.simulate(i.id, 'hello', at => i.at) s,
		LATERAL (SELECT mq.by_the_clock(i.at, i.zone, split_part(quiet, '-', 1)::time, split_part(quiet, '-', 2)::time) AS t) law;
END $$;
SELECT * FROM mq.judge('22:00-02:30');
SELECT * FROM mq.judge('02:15-03:15');
SELECT * FROM mq.judge('02:30-03:30');
SELECT * FROM mq.judge('21:00-08:00');
RESET persona.clock;
RESET persona.space;
SELECT persona.drop_space('mq', force => true);
DROP SCHEMA mq CASCADE;
