/*
 * reach.c: the segments that a rule leads to.
 *
 * A segment may be made of others, so one rule can lead to many, and to itself.
 * Each segment is visited once; what it would be with all of its parts written
 * out is added up from its parts, since that doubles where two parts share one.
 */
#include "rule/rule.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

/* A segment that was visited. */
typedef struct Visit
{
	char		name[NAMEDATALEN];
	bool		done;
	double		size;			/* nodes with all parts written out */
} Visit;

typedef struct Reach
{
	const Space *space;
	HTAB	   *visits;
	List	   *path;			/* of char *: from the rule to where we are */
} Reach;

/* What one rule's tree holds. */
typedef struct Contents
{
	int			nodes;
	List	   *segments;		/* of char *: names in segment(name) */
} Contents;

static bool
Count(Node *node, Contents *contents)
{
	char	   *name;

	if (node == NULL)
		return false;
	check_stack_depth();
	contents->nodes++;
	name = RuleSegmentName(node);
	if (name != NULL)
		contents->segments = lappend(contents->segments, name);
	return raw_expression_tree_walker(node, Count, contents);
}

static char *
PathText(const Reach *reach, const char *again)
{
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, reach->path)
		appendStringInfo(&text, "%s -> ", (char *) lfirst(cell));
	appendStringInfoString(&text, again);
	return text.data;
}

static void
RefuseCycle(const Reach *reach, const char *again)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("segment \"%s\" would contain itself",
					(char *) linitial(reach->path)),
			 errdetail("The way round is %s.", PathText(reach, again)),
			 errhint("Give what they have in common a segment of its own.")));
}

static double SizeOfRule(Reach *reach, const char *text);

static double
SizeOfSegment(Reach *reach, char *name)
{
	bool		found;
	Visit	   *visit = hash_search(reach->visits, name, HASH_ENTER, &found);
	char	   *rule;
	double		size = 0;

	if (found && !visit->done)
		RefuseCycle(reach, name);
	if (found)
		return visit->size;
	visit->done = false;
	CHECK_FOR_INTERRUPTS();
	rule = SpaceSegmentRule(reach->space, name);
	reach->path = lappend(reach->path, name);
	if (rule != NULL)			/* what does not exist is refused elsewhere */
		size = SizeOfRule(reach, rule);
	reach->path = list_delete_last(reach->path);
	visit = hash_search(reach->visits, name, HASH_FIND, NULL);
	visit->done = true;
	visit->size = size;
	return size;
}

static double
SizeOfRule(Reach *reach, const char *text)
{
	Contents	contents = {0};
	double		size;
	ListCell   *cell;

	check_stack_depth();
	if (list_length(reach->path) > RULE_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("segments would be nested more than %d deep", RULE_MAX_DEPTH)));
	(void) Count(RuleParse(text), &contents);
	size = contents.nodes;
	foreach(cell, contents.segments)
		size += SizeOfSegment(reach, lfirst(cell));
	return size;
}

/* A hash of names, in memory that ends with the call. */
static HTAB *
MakeVisits(void)
{
	HASHCTL		control = {.keysize = NAMEDATALEN, .entrysize = sizeof(Visit),
	.hcxt = CurrentMemoryContext};

	return hash_create("persona segments", 64, &control,
					   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

PG_FUNCTION_INFO_V1(persona_check_reach);

/* persona.check_reach(segment, rule, space): an error or nothing. */
Datum
persona_check_reach(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Reach		reach = {.space = SpaceGetOwn(text_to_cstring(PG_GETARG_TEXT_PP(2)))};
	Visit	   *self;
	double		size;

	reach.visits = MakeVisits();
	reach.path = list_make1(name);
	self = hash_search(reach.visits, name, HASH_ENTER, NULL);
	self->done = false;
	size = SizeOfRule(&reach, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (size > RULE_MAX_EXPANDED)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("segment \"%s\" would be too large with all its segments written out", name),
				 errdetail("It would have %.0f nodes, and may have %d.", size,
						   RULE_MAX_EXPANDED),
				 errhint("Make it of fewer segments, or of segments that share less.")));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(persona_rule_segments);

/* persona.rule_segments(rule): the names in its segment(name), in order. */
Datum
persona_rule_segments(PG_FUNCTION_ARGS)
{
	Contents	contents = {0};
	ArrayBuildState *names = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	ListCell   *cell;

	(void) Count(RuleParse(text_to_cstring(PG_GETARG_TEXT_PP(0))), &contents);
	foreach(cell, contents.segments)
		names = accumArrayResult(names, CStringGetTextDatum(lfirst(cell)), false,
								 TEXTOID, CurrentMemoryContext);
	PG_RETURN_DATUM(makeArrayResult(names, CurrentMemoryContext));
}
