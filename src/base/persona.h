/*
 * persona.h: what every room stands on. The settings and the clock, acting as
 * a space's owner, running SQL, and writing SQL without trusting a name.
 *
 * Floor 0: this folder knows nothing of persona's own tables.
 */
#ifndef PERSONA_H
#define PERSONA_H

#include "base/compat.h"

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

/* ---- settings (guc.c) ---- */

/* persona.space: the space meant where a call names none; "" when unset. */
extern char *persona_space;

/* persona.enabled: false stops every trigger, run and claim at once. */
extern bool persona_enabled;

/* persona.catch_up_interval: how often run() looks for missed events, in s. */
extern int	persona_catch_up_interval;

extern void PersonaDefineSettings(void);

/* The clock by which persona decides: persona.clock where set, else now(). */
extern TimestampTz PersonaNow(void);

/* Whether the clock stands at a set instant. */
extern bool PersonaClockIsMoved(void);

/* ---- arguments (argument.c) ---- */

/* An error where the n-th argument, from 0, is NULL; and it as C text. */
extern void PersonaRefuseNull(FunctionCallInfo fcinfo, int n);
extern char *PersonaTextArg(FunctionCallInfo fcinfo, int n);

/* ---- acting as somebody (act.c) ---- */

/*
 * From here to PersonaPinEnd, which takes the level, or to an error, names are
 * looked up in pg_catalog and literals read in UTC and ISO, whatever the
 * session's settings: what a rule means does not depend on who reads it.
 */
extern int	PersonaPinBegin(void);
extern void PersonaPinEnd(int level);

/*
 * From here to PersonaPinEnd, or to an error, no lock is waited for longer
 * than 0.1 s: the longest wait that persona may add to a customer's statement.
 */
extern int	PersonaHurryBegin(void);

/* What must be put back when an act is over; an error puts it back too. */
typedef struct PersonaAct
{
	Oid			user;
	int			sec_context;
	int			guc_level;
} PersonaAct;

/*
 * From here to PersonaActEnd the session is `owner`, restricted, with
 * search_path pinned to pg_catalog, pg_temp, time zone UTC and JIT off:
 * user-written expressions of that owner's space may be evaluated.
 */
extern void PersonaActBegin(PersonaAct *act, Oid owner);

/* The same without the settings: for a path that nothing of them reaches. */
extern void PersonaActLightly(PersonaAct *act, Oid owner);

/*
 * The same with search_path alone pinned: for statements of persona's own,
 * which no other setting reaches, and which come by the million.
 */
extern void PersonaActByPath(PersonaAct *act, Oid owner);
extern void PersonaActEnd(const PersonaAct *act);

/*
 * Until PersonaActEnd the clock stands at that instant, whoever the caller is:
 * what is evaluated must have no effect, for SET persona.clock is not everybody's.
 */
extern void PersonaActAt(const PersonaAct *act, TimestampTz at);

/* ---- errors (trap.c) ---- */

/*
 * Runs work(arg) in a subtransaction. Returns 0 when it went well, else the
 * SQLSTATE of the error, whose effects are undone. Cancel, shutdown and class
 * 40 (a transaction that cannot go on) are thrown again, never swallowed.
 */
extern int	PersonaTrap(void (*work) (void *arg), void *arg);

/* ---- SQL (spi.c, plan.c) ---- */

/* Parameters of one statement, built up one by one; at most 12. */
typedef struct PersonaArgs
{
	int			n;
	Oid			types[12];
	Datum		values[12];
	char		nulls[12];
} PersonaArgs;

extern void PersonaArg(PersonaArgs *args, Oid type, Datum value, bool isnull);

/* A List of char * as text[]. */
extern Datum PersonaTexts(List *texts);

/*
 * Executes one statement within an open SPI connection; anything but success
 * is an error. Returns the number of rows processed; results are in
 * SPI_tuptable. `read_only` uses the active snapshot as it is. The current
 * memory context stays the caller's.
 */
extern uint64 PersonaExecute(const char *sql, const PersonaArgs *args,
							 bool read_only);

/*
 * The same for a statement that comes again and again, by a plan that this
 * backend keeps (plan.c). Its text must not depend on settings: they are read
 * when it is planned.
 */
extern uint64 PersonaExecuteKept(const char *sql, const PersonaArgs *args,
								 bool read_only);

/* ---- rows of the backend's own, as a table (rows.c) ---- */

typedef struct PersonaRows PersonaRows;

typedef struct PersonaRowsColumn
{
	const char *name;
	Oid			type;			/* InvalidOid: as PersonaRowsBegin says */
} PersonaRowsColumn;

extern PersonaRows *PersonaRowsBegin(const char *name,
									 const PersonaRowsColumn *columns, int n,
									 Oid otherwise);
extern void PersonaRowsPut(PersonaRows *rows, const Datum *values,
						   const bool *nulls);

/* PersonaExecuteKept of a statement that knows them; its rows are not kept. */
extern uint64 PersonaRowsExecute(const PersonaRows *rows, const char *sql,
								 const PersonaArgs *args);
extern void PersonaRowsEnd(PersonaRows *rows);

/* Column `name` of row `row` of SPI_tuptable. */
extern Datum PersonaColumn(uint64 row, const char *name, bool *isnull);

/* The same as C text, NULL for NULL; converted by the type's own output. */
extern char *PersonaColumnText(uint64 row, const char *name);

/*
 * The rows of SPI_tuptable as those of a function. Whoever owns a space may
 * alter its tables, so their types are looked at: an error where they are not
 * those of the function's columns. The same for the first columns alone.
 */
struct ReturnSetInfo;
extern void PersonaReturnRows(struct ReturnSetInfo *result, uint64 n);
extern void PersonaRefuseUnlike(TupleDesc asked);

/* ---- writing SQL (quote.c) ---- */

/* "schema"."table", always qualified, always quoted where needed. */
extern char *PersonaRelationName(Oid relid);

/* The type as SQL text, with its schema where it is not a built-in. */
extern char *PersonaTypeName(Oid type);

/* 'text' as an SQL literal. */
extern char *PersonaLiteral(const char *text);

/*
 * Of `candidates` (List of char *) the one nearest to `word`, or NULL when
 * none is near: the "did you mean" of every error.
 */
extern const char *PersonaSuggest(const char *word, List *candidates);

/* A list of texts as one, with ", " between them. */
extern char *PersonaJoin(List *texts);

/* Whether a list of texts has this one. */
extern bool PersonaHasText(List *texts, const char *text);

#endif							/* PERSONA_H */
