-- what a template alone shows to be wrong with it
\set SHOW_CONTEXT never
-- HTML: what a browser would have to guess
SELECT t AS html, persona.template_broken_html(t::persona.template) AS broken
FROM unnest(ARRAY['<p>Hi <b>{{ name }}</p>', '<p>Hi <b>{{ name }}</b>', '</b>', '<a href="{{ u }}">x</a><br><img src=''a>b''/>', '<a href="{{ u }}>x</a>', '<table><tr><td>1<td>2<tr><td>3</table>', '<ul><li>1<li>2</ul>', '<div><ul><li>1</div></ul>', '<!-- <b> --><!DOCTYPE html><html><body>x', '1 < 2 and 3 > 2',
	'<style>a > b { } </styl</style><script>"</b>"</script>', '<script>x', '{% if a %}<b>{% else %}<b class="x">{% endif %}x</b>', '{% if a %}<b>{% endif %}x</b>', '{% if a %}<b>{% else %}<i>{% endif %}x</b>', '{% case a %}{% when 1 %}<b>{% when 2 %}<b>{% else %}<b>{% endcase %}</b>', '{% for i in l %}<li>{{ i }}</li>{% endfor %}', '{% for i in l %}<b>{% endfor %}',
	E'<p>\n<i>\n</p>', '<{{ tag }}>x</{{ tag }}>', '<h{{ n }}>x</h{{ n }}>', '<DIV></div>', '<o:p></o:p>', '{% raw %}<b>{% endraw %}', '{% comment %}<b>{% endcomment %}', '<a {% if a %}class="x"{% endif %} href="">x</a>', '{% liquid
	echo a
%}<b></b>', '']) t;
-- names: what is left without them
SELECT t, persona.template_nameless(t::persona.template) AS nameless
FROM unnest(ARRAY['Hi {{ first_name }}!', 'Hi {{ name | default: "there" | capitalize }}!', 'Hi {{ customer.last_name }}, {{ new.product.name }}', '{% if first_name %}Hi{% endif %}', E'{%- echo salutation -%} x']) t;
-- findings
SELECT f.level, f.code, f.message, t FROM (VALUES
	('Hi {{ first_name }}, we miss you!', 'Hi, we miss you!'), ('Hi {{ first_name | default: "there" }}, we miss you', 'Hi there, we miss you.'), ('Hi {{ first_name }}, your {{ new.item }} is here', 'Hi, it is here'), ('Same', 'Same'), ('Same', NULL),
	('Use code SPRING20 now', NULL), ('Use code SPRING20 until Friday', NULL), ('{{ new.coupon.code }}', NULL), ('{{ coupon_code }}, valid until {{ coupon_until }}', NULL), ('{{ new.coupon.code }} {{ new.coupon.valid_to }}', NULL), ('{{ postal_code }} {{ code.x }} our dress code is smart', NULL), ('Your promo: {{ promo }}', NULL)) v(t, g),
	persona.template_findings(t::persona.template, g::persona.template) f;
SELECT f.level, f.code, t FROM (VALUES ('Bye', 'block'), ('Bye', 'warn'), ('Bye', NULL), ('Bye {{ unsubscribe_url }}', 'block'), ('Bye {% if a %}{{ preferences_url }}{% endif %}', 'block'), ('<b>{{ unsubscribe_url }}', 'warn')) v(t, u), persona.template_findings(t::persona.template, html => true, unsubscribe => u) f;
SELECT NOT EXISTS (SELECT FROM persona.template_findings(NULL)) AND NOT EXISTS (SELECT FROM persona.template_findings('')) AS nothing;
-- at definition, and at activation
CREATE ROLE message_owner;
CREATE TABLE message_people (id int PRIMARY KEY, email text, first_name text);
CREATE TABLE message_sales (id int PRIMARY KEY, person_id int REFERENCES message_people, item text, at timestamptz);
ALTER TABLE message_people OWNER TO message_owner;
ALTER TABLE message_sales OWNER TO message_owner;
SELECT count(*) >= 0 AS space FROM persona.define_space('message_space', 'message_people');
SELECT count(*) >= 0 AS event FROM persona.define_event('sale', 'message_sales', at => 'at', space => 'message_space');
SELECT count(*) >= 0 AS purpose FROM persona.define_purpose('news', 'opt_out', space => 'message_space');
SELECT count(*) >= 0 AS receipt FROM persona.define_purpose('receipt', 'contract', space => 'message_space');
SELECT count(*) >= 0 AS mail FROM persona.define_channel('mail', 'email', format => 'html', space => 'message_space');
SELECT count(*) >= 0 AS web FROM persona.define_channel('web', 'email', link => '''https://shop.example''', space => 'message_space');
CREATE FUNCTION pg_temp.findings(channel text, purpose text, personal text, generic text) RETURNS TABLE (level text, code text, message text) LANGUAGE sql AS $$
	SELECT f.level, f.code, f.message FROM persona.define_moment('thanks', on_event => 'sale', purpose => purpose, channel => channel, template => personal::persona.template, generic => generic::persona.template, hypothesis => 'h', space => 'message_space') f
	WHERE f.code IN ('broken_html', 'code_without_expiry', 'too_subtle', 'without_unsubscribe') ORDER BY f.code, f.message
$$;
SELECT * FROM pg_temp.findings('mail', 'news', '<b>Hi {{ first_name }}', '<b>Hi');
SELECT * FROM pg_temp.findings('mail', 'receipt', 'Hi {{ first_name }}, your {{ new.item }}', '<i>Hi, your order');
SELECT * FROM pg_temp.findings('web', 'news', '<b>Your {{ new.item }}', 'Your order');
SELECT count(*) FROM persona.activate('thanks', space => 'message_space');
SET client_min_messages = error;
SELECT persona.drop_space('message_space', force => true);
DROP TABLE message_sales, message_people;
DROP ROLE message_owner;
