/*
 * consent.h: who said yes to what, as SQL that others join.
 *
 *	consent.c	what "allowed" means, written as pieces of SQL
 *	lookup.c	the SQL functions that ask it
 *	subject.c	which subject is meant, and who may do what
 *	terms.c		the purposes, channels and categories of a space
 *	plan.c		statements that are kept written and planned
 *	ledger.c	what happens to a row that is appended
 *	address.c	addresses that get nothing, whoever has them
 *	record.c	yes, no, preferences and suppressions
 *	token.c		links that need no login: signing and reading
 *	secret.c	the keys that sign them, and who was erased
 *	page.c		what a customer sees and does through a link
 *	erase.c		a person is forgotten, the results stay
 *	export.c	all that is held about a person
 *	verify.c	that the ledger is whole, and what stands is what it says
 *
 * There is one definition of "allowed": run() and claim() join it to whole
 * batches, may_contact() asks it about one subject, the view consent_state
 * shows it for all. Arguments named *_sql are SQL expressions and are put in
 * as they are; what is returned expects the search_path pg_catalog, pg_temp.
 */
#ifndef PERSONA_CONSENT_H
#define PERSONA_CONSENT_H

#include "base/persona.h"
#include "consent/token.h"
#include "datatype/timestamp.h"
#include "space/space.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/uuid.h"

/* ---- what "allowed" means (consent.c) ---- */

/*
 * A sub-select of one row (allowed, reason, ledger, since, until): whether
 * the subject may be contacted for the purpose on the channel by all that was
 * said so far. at_sql is the instant at which a yes must not have expired.
 * For LEFT JOIN LATERAL ... ON true. Suppression is asked separately. It is
 * written for the clock as it stands when this is called.
 */
extern char *ConsentLateral(const Space *space, const char *subject_sql,
							const char *purpose, const char *basis,
							const char *channel_sql, const char *at_sql);

/* text[]: which of the categories the subject's preferences refuse. */
extern char *ConsentRefusedCategories(const Space *space,
									  const char *subject_sql,
									  const char *categories_sql);

/*
 * text: why nothing goes to the subject on the channel, or to the address
 * (NULL: not known yet); NULL where it may.
 */
extern char *ConsentSuppressed(const Space *space, const char *subject_sql,
							   const char *channel_sql,
							   const char *address_sql);

/* boolean: whether the decision, an id as text, was of somebody erased. */
extern char *ConsentErased(const Space *space, const char *decision_sql);

/* text[]: '', which is every purpose, the purpose's parents and itself. */
extern char *ConsentCoveringSql(const char *purpose_sql);

/*
 * Statements that answer (allowed, reason, ledger, since, until) for subject
 * $1, the purposes $2 (text[]: the one that is asked about, its parents and
 * ''), of basis $3, channel $4 and instant $5: by what stands; by what the
 * ledger holds up to then; and by that and what was suppressed by then.
 */
extern char *ConsentNowSql(const Space *space);
extern char *ConsentMovedSql(const Space *space);
extern char *ConsentPastSql(const Space *space);

/* The same by what was said alone, whatever is suppressed. */
extern char *ConsentSaidSql(const Space *space, bool moved);

/* The query of the view consent_state. */
extern char *ConsentViewSql(const Space *space);

/* ---- statements that are kept planned (plan.c) ---- */

#define CONSENT_MOST_ARGS 12

/* In the list of types: the type of the space's key. */
#define CONSENT_KEY InvalidOid

/* What writes the SQL for a space, and the types of its parameters. */
typedef struct ConsentQuery
{
	char	   *(*sql) (const Space *space);
	int			nargs;
	Oid			types[CONSENT_MOST_ARGS];
} ConsentQuery;

/*
 * Runs it within an open SPI connection, under a pinned search_path; nulls may
 * be NULL. Returns the number of rows processed; results are in SPI_tuptable.
 */
extern uint64 ConsentRun(const Space *space, const ConsentQuery *query,
						 const Datum *values, const bool *nulls,
						 bool read_only);

/* The same for a query that changes the ledger, which is closed to others. */
extern uint64 ConsentRunOnLedger(const Space *space, const ConsentQuery *query,
								 const Datum *values, const bool *nulls);

/* ---- who is meant, and who may (subject.c) ---- */

/* The subject's key from its text; an error that names the key's type. */
extern Datum ConsentKey(const Space *space, const char *text);
extern char *ConsentKeyText(const Space *space, Datum key);

/* The first argument, of whatever type, as a key; NULL is an error. */
extern Datum ConsentArgKey(FunctionCallInfo fcinfo, const Space *space);

/* Argument n, a text, as C text; NULL for NULL. */
extern char *ConsentArgText(FunctionCallInfo fcinfo, int n);

/* The table that is the space's ledger. */
extern Oid	ConsentLedger(const Space *space);

/*
 * From here to ConsentEnd the session is the space's owner, connected to SPI;
 * an error unless the caller has the right `duty` on the space's ledger.
 */
extern void ConsentBegin(PersonaAct *act, const Space *space, AclMode duty);
extern void ConsentEnd(const PersonaAct *act);

/* ---- what a statement may name (terms.c) ---- */

typedef struct ConsentPurpose
{
	char	   *name;
	char	   *basis;
	char	   *label;			/* NULL: none */
	char	   *description;	/* NULL: none */
	ArrayType  *covering;		/* text[]: itself, its parents, and '' */
	bool		has_end;
	Interval	expires;		/* where it has an end */
} ConsentPurpose;

typedef struct ConsentCategory
{
	char	   *name;
	char	   *label;			/* NULL: none */
	char	   *description;	/* NULL: none */
} ConsentCategory;

typedef struct ConsentChannel
{
	char	   *name;
	char	   *address;		/* an expression in the rule language */
} ConsentChannel;

extern List *ConsentPurposes(const Space *space);	/* of ConsentPurpose * */
extern List *ConsentChannels(const Space *space);	/* of ConsentChannel * */

/* The categories of the space's attributes; of ConsentCategory *. */
extern List *ConsentCategories(const Space *space);

/* An error with the nearest name where there is none. */
extern const ConsentPurpose *ConsentFindPurpose(const Space *space,
												const char *name);
extern void ConsentCheckChannel(const Space *space, const char *name);

/* An error unless it is labels joined by dots. */
extern void ConsentCheckCategory(const char *name);
extern void ConsentRefuseNoReason(const char *reason);

/* ---- saying it (ledger.c, record.c) ---- */

/* A yes or no; purpose or channel NULL is every one. */
typedef struct ConsentStatement
{
	Datum		key;
	const char *purpose;
	const char *channel;
	const char *decision;		/* grant | confirm | withdraw */
	const char *source;
	bool		has_at;			/* else now */
	Datum		at;
	bool		has_evidence;
	Datum		evidence;		/* jsonb */
} ConsentStatement;

/* Appends it to the ledger; returns the row's id. */
extern pg_uuid_t ConsentSay(const Space *space, const ConsentStatement *s);

/*
 * Takes the one lock of a subject. One that is not in the subject table is an
 * error, but for ConsentLockAnyway.
 */
extern void ConsentLock(const Space *space, Datum key);
extern void ConsentLockAnyway(const Space *space, Datum key);
extern void ConsentPrefer(const Space *space, Datum key, const char *category,
						  bool allowed);

/* ---- addresses that get nothing (address.c) ---- */

/* bytea: a keyed hash of a name of that kind, the same for ever. */
extern Datum ConsentPseudonym(const Space *space, const char *kind,
							  const char *name);

/* Lists it for a channel or (NULL) every one; 0 where it is listed already. */
extern uint64 ConsentSuppressAddress(const Space *space, const char *address,
									 const char *channel, const char *reason);

/* Where the channels would reach the subject: lists of (channel, address). */
extern List *ConsentAddresses(const Space *space, Datum key);

/* ---- all that is held (export.c) ---- */

/* The space's tables with a column subject, by name; of char *. */
extern List *ConsentTables(const Space *space);

/*
 * SQL of (source, n): how many rows about subject $1 the company's own tables
 * hold, those of the space's sources.
 */
extern char *ConsentElsewhereSql(const Space *space);

/* ---- links (secret.c) ---- */

/*
 * What signs links, read once for many of them: the newest key, and whether
 * anybody was ever erased. Whom they are about must not be erased meanwhile.
 * The caller acts as the space's owner and is connected to SPI.
 */
typedef struct ConsentSigner
{
	bytea	   *secret;			/* in the memory context of the moment */
	int32		key;
	bool		any_erased;
} ConsentSigner;

extern void ConsentSignerBegin(ConsentSigner *signer, const Space *space);

/*
 * A link to the subject's preference page, for a channel or (NULL) every one,
 * that can say yes for so long (NULL: 30 days) and no for ever.
 */
extern char *ConsentPreferenceToken(const Space *space,
									const ConsentSigner *signer,
									const char *subject, const char *channel,
									const Interval *expires);
extern char *ConsentConfirmationToken(const Space *space, const char *subject,
									  const char *ledger);

/*
 * Verifies a token, acts as the owner of its space until ConsentEnd, and gives
 * its space and subject; one error for whatever is wrong with it.
 */
extern Space *ConsentEnter(PersonaAct *act, const char *text,
						   ConsentToken *token, TokenKind kind, Datum *key);
pg_noreturn extern void ConsentRefuseToken(void);

/* Whether the subject table has such a key. */
extern bool ConsentIsKnown(const Space *space, Datum key);

/* The key of pseudonyms, which stays. */
extern bytea *ConsentPseudonymKey(const Space *space);

#endif							/* PERSONA_CONSENT_H */
