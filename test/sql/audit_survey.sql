-- The score against the surveys themselves, where ../shared or PERSONA_SHARED has
-- them: none at all is no difference; the test's runner says that they were missing
\pset format unaligned
CREATE TEMP TABLE rating (item text, description text, n int, mean float8, sd float8, p1 float8, p2 float8, p3 float8, p4 float8, score float8);
\copy rating FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/data/privacy_sensitivity/sensitivity_by_item.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
CREATE TEMP TABLE means (description text, category text);
INSERT INTO means VALUES ('Social Security Number', 'user.government_id'), ('Phone Conversations', 'user.content.private.call'), ('Credit Score', 'user.financial'),
	('Email Messages', 'user.content.private'), ('Text Messages', 'user.content.private'), ('Location', 'user.location'), ('Phone Numbers Called/Texted', 'user.behavior.communication'),
	('Relationship History', 'user.demographic.relationship'), ('Emotions', 'user.sensor.emotion'), ('Online Search History', 'user.behavior.search_history'),
	('Concentration', 'user.sensor.attention'), ('Alertness', 'user.sensor.attention'), ('Drowsiness', 'user.sensor.attention'), ('Focus', 'user.sensor.attention'),
	('Websites Visited', 'user.behavior.browsing_history'), ('Friends', 'user.social'), ('Social Media Contents', 'user.content.public'), ('Birth Date', 'user.demographic.date_of_birth'),
	('Intelligence Quotient', 'user.demographic.intelligence'), ('Sleep Patterns', 'user.sensor.sleep'), ('Purchasing Habits', 'user.behavior.purchase_history'),
	('Media Preferences', 'user.behavior.media_consumption'),
	-- of these a company needs an explicit yes: the floor stands above the mean
	('Health', 'user.health_and_medical'), ('Brain Health', 'user.health_and_medical'), ('Anxiety', 'user.health_and_medical'), ('Genetic information', 'user.genetic'),
	('Substance Use', 'user.health_and_medical.substance_use'), ('Sexual Orientation', 'user.demographic.sexual_orientation'), ('Political Views', 'user.demographic.political_opinion'),
	('Religious Views', 'user.demographic.religious_belief'), ('Brainwaves', 'user.biometric.neural');
SELECT count(*) IN (0, 22) AS all_or_none, corr(r1, r2) >= 0.85 IS NOT FALSE AS spearman FROM (
	SELECT rank() OVER (ORDER BY r.mean) + (count(*) OVER (PARTITION BY r.mean) - 1) / 2.0 AS r1,
		rank() OVER (ORDER BY s) + (count(*) OVER (PARTITION BY s) - 1) / 2.0 AS r2
	FROM rating r JOIN means m USING (description)
	JOIN persona.taxonomy() t ON t.category = m.category AND NOT t.special, persona.surprise('declared', m.category, 'first_party') s) x;
-- a floor lies above the mean, never below it; other figures are the survey's, to a point where one item stands for the category
SELECT bool_and(CASE WHEN t.special THEN t.sensitivity >= round(100 * r.score) - 1 ELSE abs(t.sensitivity - 100 * r.score) <= 3 END) IS NOT FALSE AS figures_of_the_survey
FROM rating r JOIN means m USING (description) JOIN persona.taxonomy() t USING (category) WHERE t.source = 'survey';

CREATE TEMP TABLE cell (id int GENERATED ALWAYS AS IDENTITY, information text, actor text, use text, acceptance float8);
\copy cell (information, actor, use, acceptance) FROM PROGRAM 'cat "${PERSONA_SHARED:-../shared}/data/confaide/tier2_context_acceptance.csv" 2>/dev/null || echo' (FORMAT csv, HEADER)
SELECT count(*) IN (0, 98) AS all_or_none, corr((persona.surprise_parts(i.provenance, i.category,
	CASE WHEN c.use ~* '(sell|notify)' THEN 'sold' WHEN c.use ~ 'advertising companies' THEN 'cross_context' ELSE 'first_party' END,
	-- the business that this data comes from, or another
	relevance => CASE WHEN c.use ~* '(sell|notify|advertising companies)' THEN 'touchpoint'
		WHEN i.home ~ c.actor THEN 'event' ELSE 'other' END)->>'score')::int, -c.acceptance) >= 0.7 IS NOT FALSE AS correlated
FROM cell c JOIN (VALUES ('friends', 'user.social', 'observed', '-'), ('purchasing', 'user.behavior.purchase_history', 'transacted', 'a clothing store'),
	('political', 'user.demographic.political_opinion', 'declared', '-'), ('religious', 'user.demographic.religious_belief', 'declared', '-'),
	('health', 'user.health_and_medical', 'declared', 'your doctor|your health insurance company'),
	('social security', 'user.government_id', 'declared', 'your health insurance company'), ('location', 'user.location', 'observed', '-')) i (word, category, provenance, home)
	ON c.information ~ i.word;
