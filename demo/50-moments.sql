-- Three days after a purchase, once an invoice, unless the thing came back.
\pset tuples_only on
\pset format unaligned
SELECT set_config('persona.clock', shop.first_day()::text, false) \g /dev/null
SELECT format('%s: %s', level, message) FROM persona.define_moment('thanks',
	on_event => 'purchase', purpose => 'marketing', channel => 'email',
	delay => '3 days', once_per => 'new.invoice',
	cancel_rule => 'count(returned) FILTER (WHERE stock_code = new.stock_code) > 0',
	subject_line => 'Thank you for your order',
	template => 'Dear {{ first_name | default: "customer" }}, we hope you enjoy "{{ new.description }}".{{ tip | default: " See you soon." }}',
	generic => 'We hope you enjoy what you ordered.',
	-- The view has one suggestion a thing, so max() is that one.
	tokens => $${"tip": "' Often taken home with it: ' || max(suggestion.item) FILTER (WHERE stock_code = new.stock_code) || '.'"}$$,
	stage => 'after purchase', owner => 'crm team',
	hypothesis => 'A hint at what goes with the thing bought brings people back sooner than thanks alone.');
SELECT format('%s: %s', level, message) FROM persona.activate('thanks');
SELECT format('Live since %s; a trigger on %s appends purchases to the inbox.', m.activated_at::date, t.tgrelid::regclass)
FROM persona.moment m, pg_trigger t WHERE t.tgname = 'persona_shop_purchase';
