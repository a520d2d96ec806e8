-- Where things are, where messages go, what they are for, and the limits.
-- What define_* answers are findings: what one may have missed.
\pset tuples_only on
\pset format unaligned
CREATE EXTENSION persona;
SELECT format('%s: %s', level, message) FROM (
	SELECT * FROM persona.define_space('shop', 'shop.customer')
	UNION ALL SELECT * FROM persona.define_event('purchase', 'shop.orders')
	UNION ALL SELECT * FROM persona.define_event('returned', 'shop.returned', fires => 'never')
	UNION ALL SELECT * FROM persona.define_event('suggestion', 'shop.suggestion', subject => 'customer_id', fires => 'never')
	-- What a column is to its customer; what a shop cannot do without is 'system'.
	UNION ALL SELECT f.* FROM (VALUES
		('first_name', 'user.name.first', 'declared'),
		('purchase.description', 'user.behavior.purchase_history', 'transacted'),
		('purchase.category', 'user.behavior.purchase_history', 'transacted'),
		('suggestion.item', 'user.behavior.purchase_history', 'inferred'),
		('purchase.at', 'system', 'transacted'),
		('purchase.stock_code', 'system', 'transacted'),
		('returned.stock_code', 'system', 'transacted'),
		('suggestion.stock_code', 'system', 'transacted')
	) a(attribute, category, provenance), persona.define_attribute(attribute, category, provenance) f
	UNION ALL SELECT * FROM persona.define_channel('email', 'email', time_zone => 'time_zone', link => 'https://shop.example')
	UNION ALL SELECT * FROM persona.define_channel('web', 'id::text')
	UNION ALL SELECT * FROM persona.define_purpose('marketing', 'consent', expires => '2 years', label => 'News and offers')
	UNION ALL SELECT * FROM persona.define_purpose('website', 'legitimate_interest', label => 'A home page of your own')
	UNION ALL SELECT * FROM persona.define_policy(holdout => 0.1)
	UNION ALL SELECT * FROM persona.define_policy(channel => 'email', cap => 2, per => '7 days', quiet => '21:00-08:00')
) findings;
\echo Customers, purchases, returns and suggestions stay in the tables of the shop.
\echo 'At most 2 e-mails in 7 days, none from 21:00 to 08:00 where the customer lives, a 10 % holdout.'

-- Three quarters of the customers said yes when they registered; one in forty
-- does not want to be reminded of what was bought, one in thirty no home page
-- of their own.
SELECT format('%s of %s customers have agreed to marketing by e-mail.',
	count(ledger), (SELECT count(*) FROM shop.customer))
FROM (
	SELECT persona.grant_consent(id, 'marketing', 'email', 'registration', at => '2010-11-30 12:00+00') AS ledger
	FROM shop.customer WHERE shop.dice(id, 'consent') < 0.75
) granted;
SELECT format('%s do not want their purchases used for it.', count(*))
FROM (
	SELECT persona.set_preference(id, 'user.behavior.purchase_history', false)
	FROM shop.customer WHERE shop.dice(id, 'preference') < 0.025
) refused;
SELECT format('%s object to a home page of their own.', count(*))
FROM (
	SELECT persona.withdraw_consent(id, 'website', 'web', 'preference page', at => '2011-06-01 12:00+00')
	FROM shop.customer WHERE shop.dice(id, 'objection') < 0.033
) objected;
