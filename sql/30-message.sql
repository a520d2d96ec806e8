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
