-- Where things are, where messages go, what they are for, and the limits.
\t on
SELECT format('%-8s %-22s %s', level, code, message) FROM (
	SELECT * FROM persona.define_space('shop', 'shop.customer')
	UNION ALL SELECT * FROM persona.define_event('purchase', 'shop.orders')
	UNION ALL SELECT * FROM persona.define_event('returned', 'shop.returned', fires => 'never')
	UNION ALL SELECT * FROM persona.define_event('suggestion', 'shop.suggestion', subject => 'customer_id', fires => 'never')
	UNION ALL SELECT * FROM persona.define_channel('email', 'email', time_zone => 'time_zone')
	UNION ALL SELECT * FROM persona.define_purpose('marketing', 'consent', expires => '2 years', label => 'News and offers')
	UNION ALL SELECT * FROM persona.define_policy(holdout => 0.1)
	UNION ALL SELECT * FROM persona.define_policy(channel => 'email', cap => 2, per => '7 days', quiet => '21:00-08:00')
	UNION ALL SELECT * FROM persona.define_attribute('first_name', 'user.name', 'declared')
	UNION ALL SELECT * FROM persona.define_attribute('email', 'user.contact.email', 'declared')
	UNION ALL SELECT * FROM persona.define_attribute('purchase.description', 'user.behaviour.purchase', 'transacted')
) findings;

-- Three quarters of the customers said yes when they registered.
SELECT format('%s of %s customers have consented to "marketing" by e-mail.', count(ledger), (SELECT count(*) FROM shop.customer))
FROM (SELECT persona.grant_consent(id, 'marketing', 'email', 'registration', at => '2010-11-30 12:00+00') AS ledger
	FROM shop.customer WHERE persona.bucket(id, 'consent') < 0.75) granted;
