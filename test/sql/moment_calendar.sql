-- a schedule, and local times: by the clock on each customer's own wall
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET DateStyle = ISO;

-- where the clock is set forward over the time, the instant after the gap; where it shows it twice, the first
CREATE FUNCTION pg_temp.shows(t timestamptz, local_time time, zone text) RETURNS text LANGUAGE sql AS
	$$SELECT to_char(persona.next_local(t, local_time, zone), 'YYYY-MM-DD HH24:MI OF')$$;
SELECT zone, pg_temp.shows(t, local_time, zone) = instant AS as_on_the_wall, what FROM (VALUES
	('Europe/Berlin', timestamptz '2026-03-28 12:00+00', time '02:30', '2026-03-29 01:00 +00', 'a gap in spring, north'),
	('Europe/Berlin', '2026-03-28 12:00+00', '03:00', '2026-03-29 01:00 +00', 'its end'),
	('Europe/Berlin', '2026-03-28 12:00+00', '01:59', '2026-03-29 00:59 +00', 'before it'),
	('Europe/Berlin', '2026-10-24 12:00+00', '02:30', '2026-10-25 00:30 +00', 'twice in autumn: the first'),
	('Europe/Berlin', '2026-10-25 00:31+00', '02:30', '2026-10-26 01:30 +00', 'and the second is passed over'),
	('America/New_York', '2026-03-07 17:00+00', '02:15', '2026-03-08 07:00 +00', 'a gap, west'),
	('America/New_York', '2026-10-31 17:00+00', '01:15', '2026-11-01 05:15 +00', 'twice, west'),
	('Australia/Sydney', '2026-10-03 12:00+00', '02:30', '2026-10-03 16:00 +00', 'a gap in October, south'),
	('Australia/Sydney', '2026-04-04 00:00+00', '02:30', '2026-04-04 15:30 +00', 'twice in April, south'),
	('Australia/Lord_Howe', '2026-10-03 12:00+00', '02:15', '2026-10-03 15:30 +00', 'a gap of half an hour'),
	('Australia/Lord_Howe', '2026-04-04 00:00+00', '01:45', '2026-04-04 14:45 +00', 'half an hour twice'),
	('America/Santiago', '2026-09-05 12:00+00', '00:30', '2026-09-06 04:00 +00', 'a day that begins at one'),
	('America/Santiago', '2026-04-04 12:00+00', '23:30', '2026-04-05 02:30 +00', 'an evening with 23 o''clock twice'),
	('Africa/Cairo', '2026-04-23 12:00+00', '00:00', '2026-04-23 22:00 +00', 'midnight that is not there'),
	('Asia/Kathmandu', '2026-06-01 00:00+00', '09:00', '2026-06-01 03:15 +00', 'a quarter of an hour'),
	('Pacific/Kiritimati', '2026-06-01 00:00+00', '09:00', '2026-06-01 19:00 +00', 'the first on earth'),
	('Etc/GMT+12', '2026-06-01 00:00+00', '09:00', '2026-06-01 21:00 +00', 'the last'),
	('Nowhere/Else', '2026-06-01 00:00+00', '09:00', '2026-06-01 09:00 +00', 'no zone is UTC'),
	(NULL, '2026-06-01 00:00+00', '09:00', '2026-06-01 09:00 +00', 'NULL as well'),
	('UTC', '2026-06-01 09:00+00', '09:00', '2026-06-01 09:00 +00', 'from the instant on')) v(zone, t, local_time, instant, what);
SELECT persona.next_local(NULL, '09:00', 'UTC') IS NULL AS never, persona.next_local('2026-01-01 00:00+00', NULL, 'UTC') = '2026-01-01 00:00+00' AS at_any_hour,
	persona.next_local('infinity', '09:00', 'UTC') = 'infinity' AS for_ever;
-- every half hour of a year in every zone: on the wall it is that time, but for gaps, and nobody waits more than a day and a change of clocks
SELECT bool_and(n >= t AND n < t + interval '26 hours') AS within_a_day,
	bool_and((n AT TIME ZONE zone)::time = '02:30' OR ((n - interval '1 microsecond') AT TIME ZONE zone)::time < '02:30') AS that_time_or_after_a_gap
FROM unnest('{Europe/Berlin,America/New_York,Australia/Sydney,Australia/Lord_Howe,Asia/Kolkata}'::text[]) zone,
	generate_series(timestamptz '2026-01-01 00:10+00', '2026-12-31 00:00+00', '30 minutes') t, persona.next_local(t, '02:30', zone) n;
SELECT persona.zone_name('europe/berlin'), persona.zone_name('XYZ+5'), persona.zone_name(NULL), persona.zone_name(''), persona.zone_name('Etc/GMT-3'), persona.zone_name(repeat('x', 1000));

-- who is told what on which day
CREATE SCHEMA mc;
CREATE TABLE mc.customer (id int PRIMARY KEY, email text, zone text, divisor int DEFAULT 1);
INSERT INTO mc.customer VALUES (1, 'a@example.org', 'Europe/Berlin'), (2, 'b@example.org', 'Asia/Tokyo'), (3, 'c@example.org', 'America/New_York'),
	(4, 'd@example.org', NULL), (5, 'e@example.org', 'Nowhere/Else'), (6, 'f@example.org', 'asia/tokyo'), (7, 'g@example.org', 'Asia/Kathmandu');
SET persona.clock = '2026-03-27 12:00+00';	-- a Friday
SELECT count(*) FROM persona.define_space('mc', 'mc.customer');
SELECT count(*) FROM persona.define_channel('email', 'email', time_zone => 'zone');
SELECT count(*) FROM persona.define_purpose('service', 'opt_out');
SELECT count(*) FROM unnest('{daily,weekdays,monday,sunday,day 1,day 28}'::text[]) s, persona.define_moment(replace(s, ' ', '_'), schedule => s, local_time => '09:00', purpose => 'service', channel => 'email', template => 'x {{ email }}', generic => 'x',
	expires => NULL, when_rule => '10 / divisor > 1 AND id <> 3', hypothesis => 'h') WHERE level = 'block';
SELECT count(*) FROM persona.moment, persona.activate(moment) WHERE level = 'block';
-- an hour that nobody's clock has come to: nothing happens, and nobody is looked at
CALL persona.run();
SELECT count(*) AS none FROM persona_mc.schedule;
SET persona.clock = '2026-03-27 12:14+00';
CALL persona.run();
SELECT DISTINCT until FROM persona_mc.calendar;
-- for six days, over the night in which Berlin's clocks are set forward
SELECT format('SET persona.clock = %L', timestamptz '2026-03-27 13:00+00' + i * interval '3 hours'), 'CALL persona.run()' FROM generate_series(0, 47) i
\gexec
SELECT moment, count(*) AS n, bool_and(subject <> 3) AS without_whom_the_rule_leaves_out,
	bool_and(started_at = (once_key::date + time '09:00') AT TIME ZONE persona.zone_name(zone)) AS at_nine_on_the_wall,
	string_agg(DISTINCT once_key, ' ' ORDER BY once_key) AS days
FROM persona_mc.decision JOIN mc.customer ON id = subject GROUP BY 1 ORDER BY 1;
SELECT once_key, started_at FROM persona_mc.decision WHERE moment = 'daily' AND subject = 1 ORDER BY 1;
SELECT count(*) AS once_a_day FROM (SELECT FROM persona_mc.decision GROUP BY moment, subject, once_key HAVING count(*) > 1) d;
SELECT moment, reason, sum(n) FROM persona_mc.moment_day WHERE reason <> 'entered' GROUP BY 1, 2 ORDER BY 1, 2;
-- one whom the rule fails on stops only himself
UPDATE mc.customer SET divisor = 0 WHERE id = 2;
-- and after days of standstill the last day is told, once
SET persona.clock = '2026-04-09 13:00+00';
CALL persona.run();
SELECT once_key, count(*) FROM persona_mc.decision WHERE moment = 'daily' AND once_key > '2026-04-02' GROUP BY 1;
SELECT reason, sum(n) FROM persona_mc.moment_day WHERE moment = 'daily' AND day = '2026-04-09' GROUP BY 1 ORDER BY 1;
SELECT count(*) AS no_incident_of_the_calendar FROM persona_mc.alert WHERE place = 'start' AND state <> '22012';
-- a paused calendar is not caught up with
SELECT count(persona.pause(moment)) FROM persona.moment;
SET persona.clock = '2026-04-10 13:00+00';
SELECT count(persona.resume(moment)) FROM persona.moment;
CALL persona.run();
SELECT count(*) AS none FROM persona_mc.decision WHERE once_key = '2026-04-10';
-- a zone that is a constant: only that one is asked
SELECT count(*) FROM persona.define_channel('email', 'email', time_zone => $$'Pacific/Kiritimati'$$);
SET persona.clock = '2026-04-10 19:00+00';
CALL persona.run();
SELECT once_key, count(*) FROM persona_mc.decision WHERE moment = 'daily' AND once_key > '2026-04-10' GROUP BY 1;
SELECT starts_on FROM persona_mc.journey ORDER BY 1;
RESET persona.clock;
SELECT persona.drop_space('mc', force => true);
DROP SCHEMA mc CASCADE;
