-- The words of surveillance.
\set SHOW_CONTEXT never
\pset format unaligned
SELECT bool_and(reason ~ '\w' AND fix ~ '\w' AND verdict IN ('warn', 'block')) AS told, count(DISTINCT locale) > 1 AS languages FROM persona.phrases();
-- the guide's own pair: one is fine, the other never goes out
SELECT count(*) = 0 AS passes FROM persona.audit_text('We noticed you looked at blue sneakers - here are some similar styles');
SELECT bool_or(verdict = 'block') AS blocked, count(*) >= 3 AS for_several_reasons
FROM persona.audit_text('We saw you spent 10 minutes on the sneaker page and then left - what stopped you?');
-- what should never go out, and what is fine to say
CREATE TEMP TABLE said (fine boolean, text text);
INSERT INTO said VALUES
	(false, 'We saw you looking at tents.'), (false, 'We’ve been watching what you read'), (false, 'We noticed that you left without buying'),
	(false, 'We noticed you spent a lot of time with us'), (false, 'You spent 4 minutes on this page'), (false, 'After 12 minutes on our bike page'),
	(false, 'You spent {{ minutes }} minutes on {{ page }}'), (false, 'You viewed this at 3:14 am'), (false, 'Last night at 11 you looked again'),
	(false, 'What stopped you from ordering?'), (false, 'You left without checking out'), (false, 'We know where you live'), (false, 'Your wife just bought this'),
	(false, '<b>We saw</b> <i>you</i> yesterday'), (false, 'WE  SAW
	YOU'), (false, 'Wir haben gesehen, dass Sie gestern hier waren'), (false, 'Sie waren 10 Minuten auf der Seite'), (false, 'Was hat Sie abgehalten?'),
	(true, 'Thank you for your order. Your tent ships today.'), (true, 'New in: tents for two'), (true, 'Because you bought a tent: pegs that go with it'),
	(true, 'Your appointment is at 10:30 am on Friday'), (true, 'We saw record snow in the Alps this week'), (true, 'The film takes 90 minutes'), (true, 'Ready in 10 minutes: pasta'),
	(true, 'You have 12 points'), (true, 'You asked us to tell you when it is back'), (true, 'Our shop is open until 8 pm'), (true, 'You can return it within 30 days'),
	(true, 'Wir haben neue Zelte'), (true, 'Vielen Dank für Ihre Bestellung'), (true, 'Your parcel was delivered at 10:15'), (true, 'Hi {{ first_name }}, enjoy your {{ new.item }}!');
SELECT fine, text, a.found, a.verdict FROM said s LEFT JOIN LATERAL persona.audit_text(s.text) a ON true
WHERE fine <> NOT EXISTS (SELECT FROM persona.audit_text(s.text) b WHERE b.verdict = 'block') OR fine AND a.found IS NOT NULL;
-- what is doubtful is a warning
SELECT verdict FROM persona.audit_text('You left something in your cart');
SELECT verdict FROM persona.audit_text('Still need help with that item?');
-- languages
SELECT count(*) = 0 AS not_english FROM persona.audit_text('Was hat Sie abgehalten?', 'en_GB');
SELECT count(*) = 1 AS german FROM persona.audit_text('Was hat Sie abgehalten?', 'de-AT');
SELECT count(*) = 0 AS nothing FROM persona.audit_text(NULL);
SELECT count(*) = 0 AS empty FROM persona.audit_text('');
SELECT count(*) AS huge FROM persona.audit_text(repeat('we saw nothing of you ', 20000));
-- a space has words of its own
SET client_min_messages = warning;
CREATE TABLE phrase_customer (id int PRIMARY KEY);
SELECT count(*) FROM persona.define_space('phrases', 'phrase_customer');
SELECT persona.define_phrase('dear valued customer', 'warn', 'nobody talks like that', space => 'phrases');
SELECT persona.define_phrase('\mwe know (that |what |where |when |who |how )?you', 'ok', space => 'phrases');
SELECT found, verdict, reason FROM persona.audit_text('Dear valued customer, we know you', space => 'phrases');
SELECT found FROM persona.audit_text('Dear valued customer, we know you');
SELECT persona.define_phrase('(', 'warn', space => 'phrases');
SELECT persona.define_phrase('x', 'awful', space => 'phrases');
SELECT persona.define_phrase(NULL, 'warn', space => 'phrases');
-- which use it is
SELECT purpose, channel, persona.use_of(purpose, channel) FROM (VALUES ('marketing', 'email'), ('marketing.third_party', 'email'), ('marketing.advertising', 'email'), ('data_sale', 'email'),
	('salesperson', 'email'), ('marketing', 'social'), (NULL, NULL), ('service', 'ads.display'), ('essential.partners', 'sms')) v (purpose, channel);
SELECT text, persona.explains_itself(text) FROM (VALUES ('Because you bought boots'), ('Thank you for your last order'), ('New boots'), ('Weil Sie Stiefel gekauft haben'), ('Why you get this: you asked')) v(text);
SELECT count(*) FROM persona.drop_space('phrases', true);
