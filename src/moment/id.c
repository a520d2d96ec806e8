/*
 * id.c: a decision's id: a pure function of what is decided.
 *
 * The same event decides under the same id however often and in whatever way
 * it arrives, which makes every step repeatable and every copy comparable.
 */
#include "moment/gate.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(persona_decision_id);

/* Between the parts; no part can hold it without another id resulting. */
#define SEPARATOR "\x1f"

static void
Hash(const char *text, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) text, strlen(text)) < 0 ||
		pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute a sha256: %s",
			 pg_cryptohash_error(context));
	pg_cryptohash_free(context);
}

void
MomentDecisionId(const char *space, const char *moment, const char *subject,
				 const char *key, int step, pg_uuid_t *id)
{
	const char *const texts[] = {space, moment, subject, key};
	StringInfoData parts;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	initStringInfo(&parts);
	for (int i = 0; i < lengthof(texts); i++)
	{
		appendStringInfoString(&parts, texts[i]);
		appendStringInfoString(&parts, SEPARATOR);
	}
	appendStringInfo(&parts, "%d", step);
	Hash((char *) pg_do_encoding_conversion((unsigned char *) parts.data,
											parts.len, GetDatabaseEncoding(),
											PG_UTF8), digest);
	memcpy(id->data, digest, UUID_LEN);
}

/* persona.decision_id(space, moment, subject, key, step) */
Datum
persona_decision_id(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	MomentDecisionId(text_to_cstring(PG_GETARG_TEXT_PP(0)),
					 text_to_cstring(PG_GETARG_TEXT_PP(1)),
					 text_to_cstring(PG_GETARG_TEXT_PP(2)),
					 text_to_cstring(PG_GETARG_TEXT_PP(3)),
					 PG_GETARG_INT32(4), id);
	PG_RETURN_UUID_P(id);
}
