/* message: templates */

CREATE TYPE template;
CREATE FUNCTION template_in(cstring) RETURNS template
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_template_in';
CREATE FUNCTION template_out(template) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_template_out';
CREATE FUNCTION template_recv(internal) RETURNS template
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_template_recv';
CREATE FUNCTION template_send(template) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_template_send';
CREATE TYPE template (
	INPUT = template_in,
	OUTPUT = template_out,
	RECEIVE = template_recv,
	SEND = template_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE template IS
'The text of a message in Liquid, checked at input (42601 with line and column); at most 256 kB (54000). Its text comes out exactly as it went in.';

CREATE FUNCTION template_variables(template template) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_template_variables';
COMMENT ON FUNCTION template_variables(template) IS
'The dotted paths of the data that a template uses, each once, in order of first use, as far as they are names: items[0].sku is items. Names that it gives itself (assign, capture, increment, the variable of a loop) are not among them. NULL for NULL.';

CREATE FUNCTION render(template template, data jsonb, escape boolean DEFAULT false) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_render';
COMMENT ON FUNCTION render(template, jsonb, boolean) IS
'The template filled with the members of a jsonb object; a missing value is empty. escape: outputs are escaped for HTML unless they went through raw. At most 1 MB, 100,000 passes through loops, 1 MB assigned and 8 MB handled (54000); 22012 for a division by zero, 42804 for an order of a text and a number, 22023 for a filter given what it cannot take. NULL if any argument is.';
CREATE FUNCTION render(template template, data record, escape boolean DEFAULT false) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_render_record';
COMMENT ON FUNCTION render(template, record, boolean) IS
'The template filled with the columns of a row; numbers, booleans, json, arrays and rows as they are, times in ISO 8601 in the session''s time zone, other types as their output functions write them; no cast is used. Limits and errors as with jsonb. NULL if any argument is.';
CREATE FUNCTION render(template template, data text, escape boolean DEFAULT false) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_render_text';
COMMENT ON FUNCTION render(template, text, boolean) IS
'The template filled with the members of an object written as JSON text (22P02 if it is none), which keep the order they are written in. Limits and errors as with jsonb. NULL if any argument is.';

/* What a template alone shows to be wrong with it */

CREATE FUNCTION template_nameless(template template) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_template_nameless';
COMMENT ON FUNCTION template_nameless(template) IS
'The text of a template without its outputs of somebody''s name (name, first_name, last_name, salutation and the like); what default has in their place stays.';
REVOKE ALL ON FUNCTION template_nameless(template) FROM PUBLIC;

CREATE FUNCTION template_broken_html(template template) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_template_broken_html';
COMMENT ON FUNCTION template_broken_html(template) IS
'The first thing wrong with the HTML that a template writes, and its line: an element or tag that is not closed, an end without a beginning, branches or loops that leave different elements open. NULL if nothing is.';
REVOKE ALL ON FUNCTION template_broken_html(template) FROM PUBLIC;

CREATE FUNCTION template_gives_code(template template) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT template::text ~* '\m(code|coupon|voucher|gutschein|cup\u00f3n|bon)\M\W{1,3}[A-Z]*[0-9]+[A-Z0-9]*\M' OR EXISTS (
		SELECT FROM unnest(@extschema@.template_variables(template)) v
		WHERE v ~ '(^|[._])(coupon|voucher|promo|discount)' OR v ~ '(^|\.)code$');
END;
COMMENT ON FUNCTION template_gives_code(template) IS
'Whether a template hands out a discount code: by a variable named like one, or one that is written out.';
REVOKE ALL ON FUNCTION template_gives_code(template) FROM PUBLIC;

CREATE FUNCTION template_says_until(template template) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT template::text ~* '\m(valid|expires?|expiring|until|ends|g\u00fcltig|bis|valable|jusqu|v\u00e1lido|hasta|geldig|wa\u017cny)' OR EXISTS (
		SELECT FROM unnest(@extschema@.template_variables(template)) v WHERE v ~* '(valid|expir|until|ends|deadline)');
END;
COMMENT ON FUNCTION template_says_until(template) IS
'Whether a template says until when something holds, in words or by a variable named so.';
REVOKE ALL ON FUNCTION template_says_until(template) FROM PUBLIC;

CREATE FUNCTION template_findings(template template, generic template DEFAULT NULL, html boolean DEFAULT false, unsubscribe text DEFAULT NULL)
RETURNS SETOF finding
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT f.level, f.code, 'template', f.message, f.hint
	FROM @extschema@.template_broken_html(template) broken
	CROSS JOIN (VALUES (@extschema@.template_variables(template))) uses(variables)
	CROSS JOIN LATERAL (VALUES
		(html AND broken IS NOT NULL, 'warn', 'broken_html', broken,
			'Close elements in the reverse order of their opening, the same ones whichever way a condition goes.'),
		(@extschema@.template_gives_code(template) AND NOT @extschema@.template_says_until(template), 'warn', 'code_without_expiry',
			'it gives a discount code and does not say until when', 'Say it: valid until {{ new.coupon.valid_to | date: "%-d %B" }}.'),
		(lower(regexp_replace(@extschema@.template_nameless(template), '[[:space:][:punct:]]+', '', 'g'))
			= lower(regexp_replace(@extschema@.template_nameless(generic), '[[:space:][:punct:]]+', '', 'g')), 'warn', 'too_subtle',
			'the personal message is the generic one, but for a name at most', 'Let the personal template say something that only this customer would see.'),
		(unsubscribe IS NOT NULL AND NOT variables && '{unsubscribe_url,preferences_url}', unsubscribe, 'without_unsubscribe',
			'it is marketing and has no link to unsubscribe', 'Add <a href="{{ unsubscribe_url }}">Unsubscribe</a>, or {{ preferences_url }}.')
	) f(holds, level, code, message, hint)
	WHERE f.holds;
END;
COMMENT ON FUNCTION template_findings(template, template, boolean, text) IS
'What a template alone shows to be wrong with it: broken_html (with html), code_without_expiry, too_subtle (next to its generic twin), without_unsubscribe (with unsubscribe, the level it is found at). No row where nothing is.';
REVOKE ALL ON FUNCTION template_findings(template, template, boolean, text) FROM PUBLIC;
