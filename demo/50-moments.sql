-- Three moments: one that a purchase starts, one that time starts, and one that
-- is asked for. A newline in a template is a newline in the message.
\pset tuples_only on
\pset format unaligned
SELECT set_config('persona.clock', shop.first_day()::text, false) \g /dev/null

-- Three days after a purchase, once an invoice, unless the thing came back.
SELECT format('%s: %s', level, message) FROM persona.define_moment('thanks',
	on_event => 'purchase', purpose => 'marketing', channel => 'email',
	delay => '3 days', once_per => 'new.invoice',
	cancel_rule => 'count(returned) FILTER (WHERE stock_code = new.stock_code) > 0',
	subject_line => 'Thank you for your order',
	template => 'Dear {{ first_name | default: "customer" }}, we hope you enjoy "{{ new.description }}".{{ tip | default: " See you soon." }}
{{ unsubscribe_url }}',
	generic => 'We hope you enjoy what you ordered.
{{ unsubscribe_url }}',
	-- The view has one suggestion a thing, so max() is that one.
	tokens => $${"tip": "' Often taken home with it: ' || max(suggestion.item) FILTER (WHERE stock_code = new.stock_code) || '.'"}$$,
	stage => 'after purchase', owner => 'crm team',
	hypothesis => 'A hint at what goes with the thing bought brings people back sooner than thanks alone.');

-- Who has not bought for 90 days is asked once in half a year, in one of three ways.
SELECT format('%s: %s', level, message) FROM persona.define_moment('win_back',
	on_segment => 'lapsed', purpose => 'marketing', channel => 'email',
	once_per => $$'lapsed'$$, again_after => '180 days',
	subject_line => 'It has been a while',
	template => 'Dear {{ first_name | default: "customer" }}, do you still enjoy "{{ thing }}"?
{{ unsubscribe_url }}',
	generic => 'See what is new in our shop.
{{ unsubscribe_url }}',
	tokens => '{"thing": "last(purchase.description)"}',
	stage => 'win back', owner => 'crm team',
	hypothesis => 'People come back for what they know, rather than for what is new.');
SELECT format('%s: %s', level, message) FROM persona.define_variant('win_back', 'section',
	template => 'Dear {{ first_name | default: "customer" }}, there are new things in {{ section }}.
{{ unsubscribe_url }}',
	tokens => '{"section": "last(purchase.category)"}');

-- What the home page says at the top, while it is loading; once a visit.
SELECT format('%s: %s', level, message) FROM persona.define_moment('banner',
	on_request => true, when_rule => 'count(purchase) > 0', once_per => 'new.visit',
	purpose => 'website', channel => 'web',
	template => 'Welcome back{% if first_name %}, {{ first_name }}{% endif %}! This way to {{ section }}.',
	generic => 'Welcome to our shop!',
	tokens => '{"section": "last(purchase.category)"}',
	stage => 'visit', owner => 'web team',
	hypothesis => 'Who is led to what they like stays longer.');
