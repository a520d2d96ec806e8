/*
 * cancel.c: what stops a moment's message, as SQL over d, s and n.
 *
 * Its own cancel rule; and, where it comes after another, whatever ends the
 * chain at any moment before it: that one's rule, that its message was stopped,
 * or that the customer has reached its goal. Who has done what the first
 * message was for is not asked a second time.
 */
#include "moment/compile.h"

/* Whether a moment's message, of this chain, was stopped. */
static char *
Stopped(const Space *space, const MomentBefore *before)
{
	return psprintf("EXISTS (SELECT FROM %s x WHERE x.subject = d.subject AND x.moment = %s"
					" AND x.event_key = d.event_key AND %s)",
					SpaceTable(space, "decision"),
					PersonaLiteral(before->name), MomentWasStopped(space, "x"));
}

static char *
CompileRules(Builder *b)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	appendStringInfoString(&sql, MomentCompileOr(b, b->moment->cancel_rule, BOOLOID,
												 "cancel rule", "false"));
	foreach(cell, b->moment->before)
	{
		MomentBefore *before = lfirst(cell);

		appendStringInfo(&sql, " OR %s OR %s",
						 MomentCompileOr(b, before->cancel_rule, BOOLOID,
										 psprintf("cancel rule, from moment \"%s\",",
												  before->name), "false"),
						 Stopped(b->space, before));
	}
	return psprintf("(%s)", sql.data);
}

/*
 * When a moment of this chain was decided, for the holdout as well: that is the
 * exposure. By filters that no index on moments looks good for.
 */
static char *
Exposures(const Space *space, const MomentBefore *before)
{
	return psprintf("(SELECT x.at FROM %s x WHERE x.subject = d.subject"
					" AND (x.moment = %s AND x.event_key = d.event_key AND x.outcome IN ('send', 'holdout')) IS TRUE)",
					SpaceTable(space, "decision"), PersonaLiteral(before->name));
}

/* The first goal of the chain that was reached, and whose: CASE WHEN ... END */
static char *
CompileGoals(Builder *b)
{
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, b->moment->before)
	{
		MomentBefore *before = lfirst(cell);

		if (before->goal == NULL)
			continue;
		appendStringInfo(&sql, " WHEN %s THEN %s",
						 RuleReached(b->space, b->moment->event, before->measure,
									 before->within,
									 Exposures(b->space, before), &b->reads),
						 MomentTextArray(list_make2(before->goal, before->name)));
	}
	return sql.len ? psprintf("(CASE%s END)", sql.data) :
		pstrdup("NULL::pg_catalog.text[]");
}

void
MomentCompileCancel(Builder *b)
{
	b->cancel = CompileRules(b);
	b->reached = CompileGoals(b);
}
