-- What a customer would feel watched by, and what is fine to say: sentences that nobody had in view when the lexicon was written.
\set SHOW_CONTEXT never
\pset format unaligned
CREATE TEMP TABLE said (locale text, fine boolean, text text);
INSERT INTO said SELECT 'en', false, unnest(ARRAY[
	'We saw you on our site last night.', 'We spotted you browsing our winter coats.', 'We have been watching your visits.', 'We''ve been tracking what you like.', 'We followed your journey through the shop.',
	'We noticed you left your visit early.', 'We noticed you didn''t finish.', 'We noticed that you haven''t been back.', 'We also noticed you stopped at the checkout.', 'We''ve noticed you hovering over the red one.',
	'We noticed you opened our last three e-mails.', 'We noticed your mouse scrolled past it.', 'We noticed you visited three times this week.', 'You spent 10 minutes on this page.', 'You looked at it for 3 minutes.',
	'You''ve spent several hours with us this week.', 'You stayed for almost two minutes.', 'You lingered on the blue one for a few seconds.', 'After 12 minutes on the boots page', '45 seconds looking at shoes tells us a lot.',
	'3 hrs browsing and no order?', 'You visited us at 2:30 am.', 'You were online until 1 am.', 'You looked again around 11 pm.', 'You were up at 3 am shopping for lamps.',
	'What stopped you?', 'Why did you leave us?', 'Did anything hold you back?', 'What kept you from ordering?', 'Something made you leave.',
	'You went away without buying anything.', 'Twice you left without paying.', 'You put it in and left without checking out.', 'We know you like red.', 'We know where you shop.',
	'We know what you did last summer', 'We know when you are at home.', 'On Friday night at 10 you were here.', 'Last Sunday at 9 you looked at tents.', 'Last night around 11 you came back.',
	'Your friends bought this too.', 'Your husband just ordered one.', 'Your neighbours have one already.', 'Your colleague viewed this item.', 'We watched you choose.', 'We caught you looking!']);
INSERT INTO said SELECT 'en', true, unnest(ARRAY[
	'Your order is on its way.', 'Thank you for your order of hiking boots.', 'Here is your receipt.', 'Your parcel arrives on Friday between 9 and 11.', 'Your appointment is on Monday at 10.',
	'You have 30 days to return it.', 'We saw demand rise this year.', 'We saw prices fall and lowered ours.', 'We noticed a mistake in your invoice and corrected it.', 'We noticed an unusual sign-in to your account.',
	'Reading time: 5 minutes', 'Ready in 20 minutes at your shop.', 'The film runs for 2 hours.', 'Bake for 45 minutes at 180 degrees.', 'Delivery takes 2 hours in town.',
	'Our shop is open until 8 pm.', 'The sale starts at 9 am.', 'Doors open at 7:30 pm.', 'We are closed on Sunday.', 'On Monday we open at 9.',
	'Because you bought a tent: pegs that go with it.', 'You asked us to tell you when it is back.', 'It is back in stock.', 'We noticed you looked at blue sneakers - here are some similar styles', 'New: shoes for the rain.',
	'Why our customers stop by every spring', 'What makes a good boot?', 'Nothing can stop the rain, but this coat can.', 'Do you have questions? Write to us.', 'We are here to help.',
	'You can order without an account.', 'Try it without obligation.', 'Pay later without interest.', 'We know boots.', 'We know that rain is cold.',
	'Do you know our loyalty card?', 'Your subscription ends on 1 May.', 'Your points expire in 10 days.', 'You have collected 120 points.', 'Happy birthday!',
	'Your friends will love it.', 'A gift for your husband?', 'Invite your friends and both get 10 %.', 'Family ticket: two adults and two children', 'Please rate your purchase.', 'How was your stay?']);
INSERT INTO said SELECT 'de', false, unnest(ARRAY[
	'Wir haben gesehen, dass Sie gestern da waren.', 'Wir haben bemerkt, dass du gegangen bist.', 'Wir haben beobachtet, dass Sie oft wiederkommen.', 'Uns ist aufgefallen, dass Sie nichts bestellt haben.', 'Uns ist aufgefallen, dass du gezögert hast.',
	'Wir haben festgestellt, dass Sie die Seite verlassen haben.', 'Wir haben Sie beobachtet.', 'Wir haben dich auf unserer Seite gesehen.', 'Wir haben Sie gestern im Shop gesehen.', 'Wir verfolgen, was Sie ansehen.',
	'Sie waren 10 Minuten auf der Seite.', 'Du hast 5 Minuten lang Schuhe angesehen.', 'Sie haben 12 Minuten mit diesem Zelt verbracht.', 'Nach 3 Stunden auf unserer Seite', 'Sie haben sich 20 Sekunden lang die Jacke angeschaut.',
	'Sie haben die Schuhe um 23:15 Uhr angesehen.', 'Du warst um 3 Uhr nachts noch online.', 'Gestern Abend um 22 Uhr waren Sie hier.', 'Letzten Montag um 9 haben Sie gesucht.', 'Sie waren bis 2 Uhr wach.',
	'Was hat Sie aufgehalten?', 'Was hat dich abgehalten?', 'Warum sind Sie gegangen?', 'Warum haben Sie nicht bestellt?', 'Warum hast du den Kauf abgebrochen?',
	'Sie sind gegangen, ohne zu kaufen.', 'Du bist ohne zu bestellen gegangen.', 'Ohne etwas zu kaufen verließen Sie uns.', 'Wir wissen, dass Sie Rot mögen.', 'Wir wissen, wo Sie wohnen.',
	'Wir wissen, was du suchst.', 'Wir wissen genau, wann Sie zu Hause sind.', 'Deine Freunde haben das gekauft.', 'Ihr Mann hat das gerade bestellt.', 'Ihre Nachbarn haben es schon.', 'Deine Kollegin hat das angesehen.']);
INSERT INTO said SELECT 'de', true, unnest(ARRAY[
	'Ihre Bestellung ist unterwegs.', 'Vielen Dank für Ihren Einkauf.', 'Ihr Paket kommt am Freitag zwischen 9 und 11 Uhr.', 'Ihr Termin ist am Montag um 10 Uhr.', 'Sie haben 30 Tage Zeit für die Rückgabe.',
	'Wir haben neue Zelte.', 'Wir haben unsere Preise gesenkt.', 'Wir haben Ihren Wunsch erfüllt.', 'Wir haben einen Fehler in Ihrer Rechnung bemerkt.', 'Wir haben gesehen, dass die Preise steigen.',
	'Lesezeit: 5 Minuten', 'In 20 Minuten fertig.', 'Der Film dauert 2 Stunden.', '45 Minuten bei 180 Grad backen.', 'Lieferung in 2 Stunden.',
	'Unser Laden ist bis 20 Uhr offen.', 'Der Verkauf beginnt um 9 Uhr.', 'Einlass ab 19:30 Uhr.', 'Am Sonntag geschlossen.', 'Wir öffnen am Montag um 9 Uhr.',
	'Weil Sie ein Zelt gekauft haben: passende Heringe.', 'Sie haben uns gebeten, Ihnen zu schreiben.', 'Es ist wieder da.', 'Neu: Schuhe für den Regen.', 'Haben Sie Fragen? Schreiben Sie uns.',
	'Wir helfen gern.', 'Sie können ohne Konto bestellen.', 'Ohne Versandkosten.', 'Ohne Risiko testen.', 'Wir wissen, dass Regen nass ist.',
	'Was ist ein guter Schuh?', 'Warum Wolle wärmt', 'Kennen Sie unsere Karte?', 'Ihr Abo endet am 1. Mai.', 'Sie haben 120 Punkte gesammelt.',
	'Alles Gute zum Geburtstag!', 'Ein Geschenk für Ihren Mann?', 'Laden Sie Freunde ein.', 'Bitte bewerten Sie Ihren Einkauf.', 'Wie war Ihr Aufenthalt?']);
SELECT fine, count(*) >= 80 AS at_least_80, count(DISTINCT locale) AS languages FROM said GROUP BY 1 ORDER BY 1;
SELECT locale, text AS not_blocked FROM said s WHERE NOT fine AND NOT EXISTS (SELECT FROM persona.audit_text(s.text, s.locale) a WHERE a.verdict = 'block') ORDER BY 1, 2;
SELECT s.locale, s.text AS false_alarm, a.found FROM said s, persona.audit_text(s.text) a WHERE fine ORDER BY 1, 2;
-- nor does a language sound an alarm in another one
SELECT count(*) AS in_another_language FROM said s, persona.audit_text(s.text, CASE s.locale WHEN 'en' THEN 'de' ELSE 'en' END) a;
-- no built-in phrase takes long over a text made to make it
SET statement_timeout = '60s';
SELECT count(*) = 4 * count(DISTINCT p) AS all_end FROM persona.phrases() p, (VALUES (repeat('we you your at on the page ', 2000)), (repeat('a', 50000)), (repeat('you 1 ', 10000)), (repeat('we noticed you ', 3000))) t(text)
WHERE (t.text ~* p.phrase) IS NOT NULL;
RESET statement_timeout;
-- a phrase of one's own is as bounded as a rule's patterns are
SET client_min_messages = warning;
CREATE TABLE lexicon_customer (id int PRIMARY KEY);
SELECT count(*) FROM persona.define_space('lexicon', 'lexicon_customer');
CREATE FUNCTION pg_temp.refused(phrase text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM persona.define_phrase(phrase, 'warn', space => 'lexicon');
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT pg_temp.refused(p), left(p, 30) AS phrase FROM unnest(ARRAY['(a?){32}{32}', '((((x{30}){30}){30}){30})', '(.*)\1', '***:(?=a)b', '(?x)a b', '(?#note)x', repeat('a', 201), '(', '[', '*', 'x{2,1}', '\', '']) p;
SELECT pg_temp.refused('x{33}'), pg_temp.refused(repeat('(a|b)?', 30)), pg_temp.refused('\mfoo (bar|baz)\M'), pg_temp.refused($$it's; DROP TABLE persona.phrase; --$$);
SELECT persona.define_phrase('(a?){32}{32}', 'warn', space => 'lexicon');
-- what a class leaves out stays left out, and capitals do not matter
SELECT persona.define_phrase('Dear \S+ \mCustomer\M', 'warn', space => 'lexicon');
SELECT found FROM persona.audit_text('DEAR good customer', space => 'lexicon');
SELECT count(*) AS none FROM persona.audit_text('dear  customers', space => 'lexicon');
SELECT count(*) FROM persona.drop_space('lexicon', true);
DROP TABLE lexicon_customer;
