-- one hash of everything that decides: the same until something does otherwise
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE TABLE fp_customer (id int PRIMARY KEY, country text, email text);
SELECT persona.fingerprint() = persona.fingerprint() AS steady, length(persona.fingerprint()) = 64 AS sha256;
CREATE TEMP TABLE seen (step int, print text);
INSERT INTO seen VALUES (1, persona.fingerprint());
SELECT count(*) >= 0 FROM persona.define_space('fp', 'fp_customer');
INSERT INTO seen VALUES (2, persona.fingerprint());
SELECT count(*) >= 0 FROM persona.define_segment('germans', $$country = 'DE'$$, space => 'fp');
INSERT INTO seen VALUES (3, persona.fingerprint());
SELECT count(*) >= 0 FROM persona.define_segment('germans', $$country = 'DE' OR country = 'AT'$$, space => 'fp');
INSERT INTO seen VALUES (4, persona.fingerprint());
SELECT count(DISTINCT print) = count(*) AS differs_each_time FROM seen;
SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET IntervalStyle = sql_standard; SET extra_float_digits = -5;
SELECT persona.fingerprint() = print AS whatever_the_session FROM seen WHERE step = 4;
INSERT INTO fp_customer VALUES (1, 'DE', 'a@example.org');
SELECT persona.fingerprint() = print AS whatever_the_customers FROM seen WHERE step = 4;
SELECT count(*) >= 0 FROM persona.define_segment('germans', $$country = 'DE'$$, space => 'fp');
SELECT persona.fingerprint() = print AS back_again FROM seen WHERE step = 3;
SELECT persona.drop_space('fp');
SELECT persona.fingerprint() = print AS and_gone FROM seen WHERE step = 1;
DROP TABLE fp_customer;
