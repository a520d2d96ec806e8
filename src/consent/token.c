/*
 * token.c: signing and reading links.
 *
 * A token is base64url over a payload and its HMAC-SHA-256. The payload is
 *
 *	version 1 | kind 1 | key 4 | life 4 | until 8 | space \0 about \0 subject
 *
 * with integers in network order. The whole payload is signed, so no field of
 * it can be changed, and the key belongs to one space. One text is one token:
 * padding, blanks, the other alphabet and spare bits at the end are refused,
 * so nothing but the very text that was handed out is accepted.
 */
#include "consent/token.h"

#include "common/base64.h"
#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "port/pg_bswap.h"

#define VERSION 1
#define FIXED (1 + 1 + 4 + 4 + 8)
#define MAC PG_SHA256_DIGEST_LENGTH

/* ---- the signature ---- */

void
TokenHmac(const bytea *secret, const void *data, int length, uint8 *mac)
{
	pg_hmac_ctx *hmac = pg_hmac_create(PG_SHA256);

	if (hmac == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (pg_hmac_init(hmac, (const uint8 *) VARDATA_ANY(secret),
					 VARSIZE_ANY_EXHDR(secret)) < 0 ||
		pg_hmac_update(hmac, data, length) < 0 ||
		pg_hmac_final(hmac, mac, MAC) < 0)
	{
		const char *problem = pg_hmac_error(hmac);

		pg_hmac_free(hmac);
		elog(ERROR, "a token could not be signed: %s", problem);
	}
	pg_hmac_free(hmac);
}

/* In a time that does not depend on where the two differ. */
static bool
IsSame(const uint8 *a, const uint8 *b, int length)
{
	volatile uint8 difference = 0;

	for (int i = 0; i < length; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

/* ---- text and bytes ---- */

static char *
Encode(StringInfo bytes)
{
	const void *source = bytes->data;
	int			room = pg_b64_enc_len(bytes->len);
	char	   *text = palloc(room + 1);
	int			length = pg_b64_encode(source, bytes->len, text, room);

	if (length < 0)
		elog(ERROR, "a token could not be written");
	while (length > 0 && text[length - 1] == '=')
		length--;
	text[length] = '\0';
	for (char *c = text; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	return text;
}

/* Our alphabet made the library's, padded; NULL where the text is not ours. */
static char *
Standard(const char *text, int length)
{
	char	   *standard = palloc(length + 4);

	for (int i = 0; i < length; i++)
	{
		char		c = text[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			  (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return NULL;
		standard[i] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	while (length % 4 != 0)
		standard[length++] = '=';
	standard[length] = '\0';
	return standard;
}

/* The bytes of a token: a payload of at least its fixed part, and a MAC. */
static bool
Decode(const char *text, StringInfo bytes)
{
	int			length = strlen(text);
	char	   *standard;
	void	   *target;

	initStringInfo(bytes);
	if (length > TOKEN_MOST || length % 4 == 1)
		return false;
	standard = Standard(text, length);
	if (standard == NULL)
		return false;
	enlargeStringInfo(bytes, pg_b64_dec_len(strlen(standard)));
	target = bytes->data;
	bytes->len = pg_b64_decode(standard, strlen(standard), target,
							   bytes->maxlen);
	return bytes->len >= FIXED + MAC && strcmp(Encode(bytes), text) == 0;
}

/* ---- the token ---- */

char *
TokenSign(const ConsentToken *token, const bytea *secret)
{
	StringInfoData bytes;
	uint32		key = pg_hton32(token->key);
	uint32		life = pg_hton32(token->life);
	uint64		until = pg_hton64(token->until);
	uint8		mac[MAC];

	initStringInfo(&bytes);
	appendStringInfoCharMacro(&bytes, VERSION);
	appendStringInfoCharMacro(&bytes, token->kind);
	appendBinaryStringInfo(&bytes, (char *) &key, sizeof(key));
	appendBinaryStringInfo(&bytes, (char *) &life, sizeof(life));
	appendBinaryStringInfo(&bytes, (char *) &until, sizeof(until));
	appendBinaryStringInfo(&bytes, token->space, strlen(token->space) + 1);
	appendBinaryStringInfo(&bytes, token->about, strlen(token->about) + 1);
	appendStringInfoString(&bytes, token->subject);
	TokenHmac(secret, bytes.data, bytes.len, mac);
	appendBinaryStringInfo(&bytes, (char *) mac, MAC);
	if (pg_b64_enc_len(bytes.len) > TOKEN_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a key of this length does not fit into a link")));
	return Encode(&bytes);
}

bool
TokenIsGenuine(const char *text, const bytea *secret)
{
	StringInfoData bytes;
	uint8		mac[MAC];

	if (!Decode(text, &bytes))
		return false;
	TokenHmac(secret, bytes.data, bytes.len - MAC, mac);
	return IsSame(mac, (uint8 *) bytes.data + bytes.len - MAC, MAC);
}

/* The text up to the next NUL, or NULL; `at` moves behind it. */
static char *
Field(const char *data, int *at, int end)
{
	const char *start = data + *at;
	const char *stop = memchr(start, '\0', end - *at);

	if (stop == NULL)
		return NULL;
	*at += stop - start + 1;
	return pstrdup(start);
}

bool
TokenRead(const char *text, ConsentToken *token)
{
	StringInfoData bytes;
	uint32		number;
	uint64		until;
	int			at = FIXED;
	int			end;

	if (!Decode(text, &bytes) || bytes.data[0] != VERSION)
		return false;
	end = bytes.len - MAC;
	token->kind = (TokenKind) bytes.data[1];
	memcpy(&number, bytes.data + 2, sizeof(number));
	token->key = pg_ntoh32(number);
	memcpy(&number, bytes.data + 6, sizeof(number));
	token->life = pg_ntoh32(number);
	memcpy(&until, bytes.data + 10, sizeof(until));
	token->until = pg_ntoh64(until);
	token->space = Field(bytes.data, &at, end);
	token->about = token->space ? Field(bytes.data, &at, end) : NULL;
	if (token->about == NULL)
		return false;
	token->subject = pnstrdup(bytes.data + at, end - at);
	return true;
}
