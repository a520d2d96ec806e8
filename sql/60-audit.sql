/* audit: would the customer be surprised that this message knows that? */

CREATE FUNCTION surprise(provenance text, category text, use text) RETURNS int
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_surprise';
COMMENT ON FUNCTION surprise(text, text, text) IS
'How surprised a customer would be, 0..100, by a message that mentions such data: the share of people that would call it creepy, as far as it is known. provenance: declared, transacted, observed, inferred, third_party, unknown; category as in taxonomy(), or below one; use: first_party, cross_context, sold. NULL counts as unknown, as first_party for the use. Another word: 22023. Sources of the figures: docs/audit.md.';

CREATE FUNCTION surprise_parts(provenance text, category text, use text, sensitivity text DEFAULT NULL,
	relevance text DEFAULT NULL, granularity text DEFAULT NULL, mentioned boolean DEFAULT true,
	immediate boolean DEFAULT false, old boolean DEFAULT false, derived boolean DEFAULT false,
	explained boolean DEFAULT false, opened boolean DEFAULT false) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'persona_surprise_parts';
COMMENT ON FUNCTION surprise_parts(text, text, text, text, text, text, boolean, boolean, boolean, boolean, boolean, boolean) IS
'The same for all that is known of a use, with every part that counts, in points that add up to the score (0..100, where they would leave that range its end). sensitivity: low, medium, high, special; relevance: event, touchpoint, other, company; granularity: count, place, time, duration. Another word: 22023.';
