-- experiments: defined, drawn from one group, assigned, exposed
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET persona.space = 'ed_shop';
CREATE SCHEMA ed;
CREATE TABLE ed.customer (id int PRIMARY KEY, account_id int, email text);
INSERT INTO ed.customer SELECT i, i % 500, 'c' || i FROM generate_series(1, 20000) i;
SELECT count(*) FROM persona.define_space('ed_shop', 'ed.customer');

-- what a definition says
SELECT level, code, object FROM persona.define_experiment('banner', '{red,blue}', '{0.5,0.5}', control => 'red');
SELECT level, code, object FROM persona.define_experiment('banner', '{red,blue}', '{0.5,0.5}', control => 'red', goal => 'bought');
SELECT level, code FROM persona.define_experiment('stats', '{generic,b}', '{0.5,0.5}', goal => 'bought', scheme => 'statsig');
SELECT level, code, message, hint FROM persona.define_experiment('stats', '{generic,b}', '{0.5,0.5}', goal => 'bougth', scheme => 'statsig');
SELECT name, version, body ->> 'goal' AS goal FROM persona.definition_log WHERE space = 'ed_shop' AND kind = 'experiment' ORDER BY name, version;
-- what is refused
SELECT persona.define_experiment('banner', '{red,blue}', '{0.5,0.5}');
SELECT persona.define_experiment('Banner', '{red,blue}', '{0.5,0.5}', control => 'red');
SELECT persona.define_experiment('x', '{red}', '{1}', control => 'red');
SELECT persona.define_experiment('x', '{red,red}', '{0.5,0.5}', control => 'red');
SELECT persona.define_experiment('x', '{red,holdout}', '{0.5,0.5}', control => 'red');
SELECT persona.define_experiment('x', '{red,NULL}', '{0.5,0.5}', control => 'red');
SELECT persona.define_experiment('x', NULL, '{0.5,0.5}', control => 'red');
SELECT persona.define_experiment('x', '{red,blue}', NULL, control => 'red');
SELECT persona.define_experiment('x', '{red,blue}', '{0.5,0.3,0.2}', control => 'red');
SELECT persona.define_experiment('x', '{red,blue}', '{0.5,0.4}', control => 'red', scheme => 'growthbook2');
SELECT persona.define_experiment('x', '{red,blue}', '{1.5,-0.5}', control => 'red');
SELECT persona.define_experiment('x', '{red,blue}', '{NaN,1}', control => 'red');
SELECT persona.define_experiment('x', '{red,blue}', '{0.5,NULL}', control => 'red');
SELECT persona.define_experiment('x', '{red,blue}', '{0.5,0.5}', control => 'red', coverage => 1.5);
SELECT persona.define_experiment('x', '{red,blue}', '{0.5,0.5}', control => 'red', scheme => 'growthbook');
SELECT persona.define_experiment('x', '{red,blue}', '{0.5,0.5}', control => 'red', scheme => 'split');
SELECT persona.define_experiment('x', '{red,blue}', '{0.5,0.5}', control => 'red', unit => 'acount_id');
SELECT persona.define_experiment('x', '{red,blue}', '{0.5,0.5}', control => 'red', exclusion_group => 'No Group');
SELECT persona.define_experiment('x', '{red,blue}', '{0.5,0.5}', control => 'red', space => 'ed_shp');
SELECT persona.variant(1, 'baner');
SELECT persona.variant(1, NULL);
SELECT persona.variant('abc', 'banner');
SELECT persona.variant(NULL, 'banner');
SELECT persona.expose(99999, 'banner');
SELECT persona.sdk_payload('ed_shp');

-- reading enrols nobody; what is read is choose() with the name as seed
SELECT bool_and(persona.variant(id, 'banner') = ('{red,blue}'::text[])[persona.choose(id, 'banner', '{0.5,0.5}')]) AS as_chosen,
	bool_and(persona.variant(id::text, 'banner') = persona.variant(id, 'banner')) AS text_is_key FROM ed.customer WHERE id <= 1000;
SELECT count(*) = 0 AS nobody_enrolled FROM persona_ed_shop.exposure;
-- exposing does, once, at the first time
SELECT bool_and(persona.expose(id, 'banner') = persona.variant(id, 'banner')) AS shown FROM ed.customer WHERE id <= 200;
SELECT bool_and(persona.expose(id::text, 'banner') IS NOT NULL) AS again FROM ed.customer WHERE id <= 200;
SELECT count(*) AS exposed, count(DISTINCT subject) AS subjects, bool_and(decision IS NULL) AS no_decision FROM persona_ed_shop.exposure WHERE experiment = 'banner';
-- changed afterwards: who was exposed keeps the variant seen first, and the findings say what happens
SELECT level, code FROM persona.define_experiment('banner', '{red,blue}', '{0.1,0.9}', control => 'red', goal => 'bought');
SELECT level, code FROM persona.define_experiment('banner', '{red,green,blue}', '{0.1,0.1,0.8}', control => 'red', goal => 'bought');
SELECT bool_and(persona.expose(e.subject, 'banner') = e.variant) AS first_stays FROM persona_ed_shop.exposure e;
SELECT count(*) = 200 AS nothing_added FROM persona_ed_shop.exposure;
SELECT bool_or(persona.variant(id, 'banner') = 'green') AS others_are_spread_anew FROM ed.customer WHERE id BETWEEN 201 AND 400;

-- two experiments on a fifth each: independent ones share 4 %, those of a group nobody
SELECT count(*) FROM persona.define_experiment('one', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0.2);
SELECT count(*) FROM persona.define_experiment('two', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0.2);
SELECT count(*) FROM persona.define_experiment('three', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0.2, exclusion_group => 'page');
SELECT count(*) FROM persona.define_experiment('four', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0.2, exclusion_group => 'page');
CREATE TEMP TABLE was AS SELECT id, persona.assign(o, id::text) AS one, persona.assign(t, id::text) AS two, persona.assign(h, id::text) AS three, persona.assign(f, id::text) AS four
FROM ed.customer, persona.experiment o, persona.experiment t, persona.experiment h, persona.experiment f
WHERE (o.experiment, t.experiment, h.experiment, f.experiment) = ('one', 'two', 'three', 'four') AND o.space = 'ed_shop' AND t.space = 'ed_shop' AND h.space = 'ed_shop' AND f.space = 'ed_shop';
SELECT abs(avg((one IS NOT NULL AND two IS NOT NULL)::int) - 0.04) < 0.006 AS independent, count(*) FILTER (WHERE three IS NOT NULL AND four IS NOT NULL) = 0 AS none_in_a_group,
	abs(avg((three IS NOT NULL)::int) - 0.2) < 0.012 AND abs(avg((four IS NOT NULL)::int) - 0.2) < 0.012 AS each_a_fifth,
	abs(avg((three = 'b')::int) - 0.5) < 0.04 AND abs(avg((four = 'b')::int) - 0.5) < 0.04 AS halves FROM was;
SELECT bool_and(persona.variant(id, 'three') IS NOT DISTINCT FROM three AND persona.variant(id, 'one') IS NOT DISTINCT FROM one) AS read_the_same FROM was WHERE id <= 2000;
-- grown into what is free, it moves nobody out, nor over; nor does the other's shrinking
SELECT experiment, part FROM persona.experiment WHERE space = 'ed_shop' AND exclusion_group = 'page' ORDER BY part;
SELECT count(*) FROM persona.define_experiment('three', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0.3, exclusion_group => 'page');
SELECT count(*) FROM persona.define_experiment('four', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0.1, exclusion_group => 'page');
SELECT experiment, part FROM persona.experiment WHERE space = 'ed_shop' AND exclusion_group = 'page' ORDER BY part;
SELECT bool_and(w.three IS NULL OR w.three = persona.assign(h, w.id::text)) AS grown_moves_nobody, bool_and(persona.assign(f, w.id::text) IS NULL OR persona.assign(f, w.id::text) = w.four) AS shrunk_moves_nobody,
	count(*) FILTER (WHERE persona.assign(h, w.id::text) IS NOT NULL AND persona.assign(f, w.id::text) IS NOT NULL) = 0 AS still_apart
FROM was w, persona.experiment h, persona.experiment f WHERE (h.experiment, f.experiment) = ('three', 'four') AND h.space = 'ed_shop' AND f.space = 'ed_shop';
-- a group has room for all its subjects and no more
SELECT persona.define_experiment('five', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0.7, exclusion_group => 'page');
SELECT count(*) FROM persona.define_experiment('five', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0.6, exclusion_group => 'page');
SELECT experiment, part FROM persona.experiment WHERE space = 'ed_shop' AND exclusion_group = 'page' ORDER BY part;
SELECT persona.define_experiment('six', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0, exclusion_group => 'page', scheme => 'growthbook2');
SELECT persona.drop_definition('experiment', 'five');
SELECT count(*) FROM persona.define_experiment('six', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0.6, exclusion_group => 'page');
SELECT persona.variant(1, 'five');
-- out of the group again
SELECT count(*) FROM persona.define_experiment('six', '{a,b}', '{0.5,0.5}', control => 'a', coverage => 0.6);
SELECT part IS NULL AS no_part FROM persona.experiment WHERE space = 'ed_shop' AND experiment = 'six';

-- by account: all of an account see one thing
SELECT count(*) FROM persona.define_experiment('price', '{cheap,dear}', '{0.5,0.5}', control => 'cheap', unit => 'account_id');
SELECT count(*) = 500 AS one_an_account, count(DISTINCT v) = 2 AS both FROM (SELECT DISTINCT account_id, persona.variant(id, 'price') AS v FROM ed.customer WHERE id <= 1500) a;
SELECT bool_and(persona.variant(id, 'price') = ('{cheap,dear}'::text[])[persona.choose(account_id, 'price', '{0.5,0.5}')]) AS hashed_as_account FROM ed.customer WHERE id <= 200;
UPDATE ed.customer SET account_id = NULL WHERE id = 7;
SELECT persona.variant(7, 'price') IS NULL AS no_account_no_part, persona.expose(7, 'price') IS NULL AS not_exposed;
SELECT persona.variant(99999, 'price');

-- the holdout comes first, has its own seed, and is exposed like any variant
SELECT count(*) FROM persona.define_policy(holdout => 0.1);
SELECT bool_and((persona.variant(id, 'one') IS NOT DISTINCT FROM 'holdout') = (persona.bucket(id, 'ed_shop.holdout') < 0.1)) AS held_out FROM ed.customer WHERE id BETWEEN 1000 AND 2000;
SELECT count(*) > 0 AS some, bool_and(persona.expose(id, 'one') = 'holdout') AS shown FROM ed.customer WHERE id BETWEEN 1000 AND 2000 AND persona.bucket(id, 'ed_shop.holdout') < 0.1;
SELECT count(*) > 0 AS exposed FROM persona_ed_shop.exposure WHERE experiment = 'one' AND variant = 'holdout';
-- a policy of a channel holds nobody out of a page
SELECT count(*) FROM persona.define_channel('email', 'email');
SELECT count(*) FROM persona.define_policy(channel => 'email', holdout => 0.9);
SELECT persona.holdout_of(s, 'one') = 0.1 AS of_every_channel FROM persona.space s WHERE s.space = 'ed_shop';

-- a moment is its own experiment, in its own shares
SELECT count(*) > 0 AS written FROM persona.define_moment('hello', channel => 'email', template => 'Hi {{ email }}', generic => 'Hi');
SELECT persona.holdout_of(s, 'hello') = 0.9 AS of_its_channel FROM persona.space s WHERE s.space = 'ed_shop';
SELECT bool_and(persona.variant(id, 'hello') = CASE WHEN persona.bucket(id, 'ed_shop.holdout') < 0.9 THEN 'holdout' ELSE ('{generic,personal}'::text[])[persona.choose(id, 'hello', '{0.5,0.5}')] END) AS own
FROM ed.customer WHERE id BETWEEN 2000 AND 2300;

-- what GrowthBook's SDK is told
SELECT persona.sdk_payload() = '{"features": {}}' AS none_of_that_scheme;
SELECT count(*) FROM persona.define_experiment('hero', '{generic,b,c}', '{0.5,0.25,0.25}', coverage => 0.4, exclusion_group => 'web', scheme => 'growthbook2');
SELECT count(*) FROM persona.define_experiment('menu', '{generic,b}', '{0.9,0.1}', coverage => 0.8, scheme => 'growthbook1', unit => 'account_id');
SELECT persona.sdk_payload() = '{"features": {
	"hero": {"defaultValue": "generic", "rules": [{"key": "hero", "seed": "hero", "hashVersion": 2, "hashAttribute": "id", "condition": {"holdout": {"$ne": true}}, "variations": ["generic", "b", "c"], "weights": [0.5, 0.25, 0.25],
		"coverage": 1, "meta": [{"key": "generic"}, {"key": "b"}, {"key": "c"}], "filters": [{"seed": "web.group", "hashVersion": 2, "attribute": "id", "ranges": [[0, 0.4]]}]}]},
	"menu": {"defaultValue": "generic", "rules": [{"key": "menu", "seed": "menu", "hashVersion": 1, "hashAttribute": "account_id", "condition": {"holdout": {"$ne": true}}, "variations": ["generic", "b"], "weights": [0.9, 0.1],
		"coverage": 0.8, "meta": [{"key": "generic"}, {"key": "b"}]}]}}}' AS payload;

-- nobody else may look or write, and the space's owner needs no superuser
CREATE ROLE ed_other;
SET ROLE ed_other;
SELECT persona.variant(1, 'one');
SELECT persona.expose(1, 'one');
SELECT persona.define_experiment('x', '{a,b}', '{0.5,0.5}', control => 'a');
SELECT persona.sdk_payload();
RESET ROLE;
CREATE ROLE ed_owner;
CREATE SCHEMA ed_own AUTHORIZATION ed_owner;
CREATE TABLE ed_own.customer (id text PRIMARY KEY);
INSERT INTO ed_own.customer VALUES ('Zoë'), ('42');
ALTER TABLE ed_own.customer OWNER TO ed_owner;
SELECT count(*) FROM persona.define_space('ed_own', 'ed_own.customer');
GRANT ALL ON ALL TABLES IN SCHEMA persona TO ed_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA persona TO ed_owner;
SET persona.space = 'ed_own';
SET ROLE ed_owner;
SELECT count(*) FROM persona.define_experiment('own', '{generic,b}', '{0.5,0.5}', exclusion_group => 'g', coverage => NULL, scheme => NULL, unit => 'upper(id)');
SELECT bool_and(persona.expose(id, 'own') = ('{generic,b}'::text[])[persona.choose(upper(id), 'own', '{0.5,0.5}')]) AS spread FROM ed_own.customer;
SELECT space, experiment FROM persona.experiment;
RESET ROLE;
SELECT persona.drop_space('ed_own', force => true);
DROP OWNED BY ed_owner;
SET persona.space = 'ed_shop';
SELECT persona.drop_space('ed_shop', force => true);
DROP SCHEMA ed CASCADE;
DROP ROLE ed_owner;
DROP ROLE ed_other;
