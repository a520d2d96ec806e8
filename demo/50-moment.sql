SELECT set_config('persona.clock', (SELECT min(at)::date FROM shop.coming_orders)::text || ' 00:00+00', false) AS clock \gset
\t on
SELECT format('%-8s %-22s %s', level, code, message) FROM persona.define_moment('thanks',
	on_event => 'purchase', purpose => 'marketing', channel => 'email',
	delay => '3 days', once_per => 'new.invoice',
	cancel_rule => 'count(returned) FILTER (WHERE stock_code = new.stock_code) > 0',
	subject_line => 'Thank you for your order',
	template => 'Dear {{ first_name | default: "customer" }}, thank you for "{{ new.description }}".{{ goes_with | prepend: " Others took it home with: " }}',
	generic => 'Thank you for your order.',
	tokens => '{"goes_with": "coalesce(max(suggestion.item) FILTER (WHERE stock_code = new.stock_code), ''our gift wrap'')"}',
	stage => 'after purchase', owner => 'crm team',
	hypothesis => 'A hint at what goes with the thing bought brings people back sooner than thanks alone.');
SELECT format('%-8s %-22s %s', level, code, message) FROM persona.activate('thanks');
SELECT 'Live since ' || activated_at || '; the trigger is on ' || tgrelid::regclass || '.' FROM persona.moment, pg_trigger WHERE tgname = 'persona_shop_purchase';
