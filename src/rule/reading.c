/*
 * reading.c: every column that an expression reads, and how: shown as it is,
 * through an aggregate, by a segment, or only to find and choose rows.
 *
 * Nothing has to be declared for it: each value in the expression is compiled
 * by itself, and what compiling notes as read is what will be read.
 */
#include "rule/branch.h"

#include "nodes/nodeFuncs.h"

/* The aggregate or "segment" by which a value reads; NULL: a column as it is. */
static char *
Through(Node *value)
{
	return IsA(value, FuncCall) ?
		strVal(llast(((FuncCall *) value)->funcname)) : NULL;
}

static bool
IsOfNew(Node *value)
{
	return IsA(value, ColumnRef) &&
		strcmp(strVal(linitial(((ColumnRef *) value)->fields)), "new") == 0;
}

/* The last steps of the paths whose values are shown; List of char *. */
static List *
ShownNames(const Space *space, Node *value)
{
	List	   *names = NIL;
	FuncCall   *call = (FuncCall *) value;
	ListCell   *cell;

	if (IsA(value, ColumnRef))
		return list_make1(strVal(llast(((ColumnRef *) value)->fields)));
	if (strcmp(Through(value), "segment") == 0)
		return NIL;
	foreach(cell, RuleValues((Node *) call->args))
	{
		char	   *name = strVal(llast(((ColumnRef *) lfirst(cell))->fields));
		SpaceEvent *event = SpaceFindEvent(space, name);

		/* Of a whole event first() and last() show its time. */
		if (event == NULL)
			names = lappend(names, name);
		else if (event->at.name != NULL &&
				 (strcmp(Through(value), "first") == 0 ||
				  strcmp(Through(value), "last") == 0))
			names = lappend(names, event->at.name);
	}
	return names;
}

static List *
ReadBy(List *readings, const Space *space, const SpaceEvent *event,
	   bool has_context, Node *value)
{
	RuleQuery  *query = RuleQueryBegin(space, event, RULE_FEATURES_LATERAL);
	List	   *shown = ShownNames(space, value);
	Oid			type;
	ListCell   *cell;

	if (has_context)
		RuleQueryContext(query);
	(void) RuleQueryAdd(query, RuleDeparse(value), InvalidOid, "rule", &type);
	foreach(cell, RuleQueryUses(query))
	{
		RuleUse    *use = lfirst(cell);
		RuleReading *reading = palloc(sizeof(RuleReading));

		reading->source = use->source;
		reading->column = use->column;
		reading->through = Through(value);
		reading->of_new = IsOfNew(value);
		reading->shown = PersonaHasText(shown, use->column);
		readings = lappend(readings, reading);
	}
	return readings;
}

List *
RuleReadings(const Space *space, const SpaceEvent *event, bool has_context,
			 const char *text)
{
	List	   *readings = NIL;
	ListCell   *cell;

	foreach(cell, RuleValues(RuleParse(text)))
		readings = ReadBy(readings, space, event, has_context, lfirst(cell));
	return readings;
}
