/*
 * token.h: links that a customer may follow without logging in.
 *
 * A pure kernel: no catalog, no setting, no clock. Keys and instants are
 * arguments.
 */
#ifndef PERSONA_CONSENT_TOKEN_H
#define PERSONA_CONSENT_TOKEN_H

#include "base/persona.h"

/* The longest text that is looked at; what is longer is no token. */
#define TOKEN_MOST 4096

/* What a token is for. */
typedef enum
{
	TOKEN_PREFERENCES = 'p',	/* the preference page of a subject */
	TOKEN_CONFIRMATION = 'c'	/* one request of a subject, to be confirmed */
} TokenKind;

typedef struct ConsentToken
{
	TokenKind	kind;
	int32		key;			/* number of the key that signed it */
	int32		life;			/* how often the subject had been erased */
	TimestampTz until;			/* from then on it can only say no */
	char	   *space;
	char	   *about;			/* a channel, "" for every one; or a ledger id */
	char	   *subject;		/* its key as text */
} ConsentToken;

/* The token as text that needs no quoting in a URL. */
extern char *TokenSign(const ConsentToken *token, const bytea *secret);

/*
 * Reads a token's fields and believes none of them; false where it is none.
 * They are good for finding the key that TokenIsGenuine asks for.
 */
extern bool TokenRead(const char *text, ConsentToken *token);
extern bool TokenIsGenuine(const char *text, const bytea *secret);

/* HMAC-SHA-256, 32 bytes. */
extern void TokenHmac(const bytea *secret, const void *data, int length,
					  uint8 *mac);

#endif							/* PERSONA_CONSENT_TOKEN_H */
