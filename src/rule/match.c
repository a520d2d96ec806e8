/*
 * match.c: matches() evaluated row by row, where the planner could not put the
 * condition itself in its place: the rule comes from a column or a variable.
 *
 * Each call site keeps the rules it has met compiled. A compiled rule belongs
 * to one shape of row, a copy of the descriptor under which it was analysed;
 * a row of another shape, also of the same type once it was altered, throws
 * all of them away. Types carry an identifier that changes with them
 * (assign_record_type_identifier), so no column is ever read at a place where
 * it used to be.
 *
 * There are two ways in: matches() with the row as one value, and
 * match_columns() with its columns as arguments, which inline.c prefers: a row
 * made into one value is copied and all that is long in it fetched, whatever
 * the rule asks for.
 */
#include "rule/rule.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/expandedrecord.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

/* A rule's text while it is looked for, and all of the rule once it is kept. */
typedef struct Rule
{
	const char *text;			/* not terminated */
	int			length;
	uint32		hash;
	MemoryContext context;		/* holds all of it */
	Size		size;			/* of that context */
	ExprState  *state;
	int			ncolumns;		/* the columns it reads, counted from 0 */
	int		   *columns;
} Rule;

typedef struct RuleSlot
{
	Rule	   *rule;
	char		status;
} RuleSlot;

static bool
SameRule(const Rule *a, const Rule *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

#define SH_PREFIX rules
#define SH_ELEMENT_TYPE RuleSlot
#define SH_KEY_TYPE Rule *
#define SH_KEY rule
#define SH_HASH_KEY(table, key) (key)->hash
#define SH_EQUAL(table, a, b) SameRule(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, slot) (slot)->rule->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What one call site keeps, in fn_extra. */
typedef struct Matcher
{
	MemoryContext context;		/* all below, reset with the shape */
	uint64		shape;			/* identifier of the descriptor; 0: none yet */
	bool		is_lasting;		/* other call sites have rows of that shape */
	Oid			type;
	TupleDesc	desc;
	TupleTableSlot *slot;
	ExprContext *econtext;
	rules_hash *rules;
	Rule	   *last;			/* the one used last, if still kept */
	Size		size;			/* of all rules kept */
	HeapTupleData tuple;		/* the row in hand */
} Matcher;

/* ---- shapes ---- */

static Matcher *
MatcherOf(FmgrInfo *flinfo)
{
	Matcher    *matcher = flinfo->fn_extra;

	if (matcher == NULL)
	{
		matcher = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(Matcher));
		matcher->context = AllocSetContextCreate(flinfo->fn_mcxt,
												 "persona matches",
												 ALLOCSET_SMALL_SIZES);
		flinfo->fn_extra = matcher;
	}
	return matcher;
}

/* From now on rows look like this: begins anew unless they did already. */
static void
TakeShape(Matcher *matcher, uint64 shape, Oid type, TupleDesc desc)
{
	MemoryContext caller;

	if (matcher->shape == shape)
		return;
	matcher->shape = 0;
	matcher->is_lasting = true;
	matcher->last = NULL;
	matcher->size = 0;
	MemoryContextReset(matcher->context);
	caller = MemoryContextSwitchTo(matcher->context);
	matcher->type = type;
	matcher->desc = CreateTupleDescCopyConstr(desc);
	matcher->slot = MakeSingleTupleTableSlot(matcher->desc, &TTSOpsHeapTuple);
	matcher->econtext = CreateStandaloneExprContext();
	matcher->econtext->ecxt_scantuple = matcher->slot;
	matcher->rules = rules_create(matcher->context, 16, NULL);
	matcher->shape = shape;
	MemoryContextSwitchTo(caller);
}

/* The shape of rows of a type as it is now. */
static void
TakeType(Matcher *matcher, Oid type, int32 typmod)
{
	TypeCacheEntry *entry;
	TupleDesc	desc;

	if (assign_record_type_identifier(type, typmod) == matcher->shape)
		return;
	if (type == RECORDOID)
	{
		/* Only once looked up has it an identifier that lasts. */
		desc = lookup_rowtype_tupdesc(type, typmod);
		TakeShape(matcher, assign_record_type_identifier(type, typmod), type,
				  desc);
		ReleaseTupleDesc(desc);
		return;
	}
	entry = lookup_type_cache(type, TYPECACHE_TUPDESC);
	TakeShape(matcher, entry->tupDesc_identifier, type, entry->tupDesc);
}

/* ---- the row in hand ---- */

/* A NULL row is a row of NULLs, if only its type is known. */
static void
TakeNull(Matcher *matcher, FmgrInfo *flinfo)
{
	Oid			type = getBaseType(get_fn_expr_argtype(flinfo, 0));

	if (type == RECORDOID || !OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_INDETERMINATE_DATATYPE),
				 errmsg("the columns of a NULL record are unknown"),
				 errhint("Give it its row type, as in: matches(NULL::customers, 'id IS NULL').")));
	TakeType(matcher, type, -1);
	ExecStoreAllNullTuple(matcher->slot);
}

static void
TakeTuple(Matcher *matcher)
{
	ExecStoreHeapTuple(&matcher->tuple, matcher->slot, false);
}

/* A variable of PL/pgSQL is read where it is, under its own descriptor. */
static void
TakeVariable(Matcher *matcher, ExpandedRecordHeader *record)
{
	TupleDesc	desc = expanded_record_get_tupdesc(record);

	TakeShape(matcher, record->er_tupdesc_id, record->er_typeid, desc);
	if (record->flags & ER_FLAG_FVALUE_VALID)
	{
		matcher->tuple = *record->fvalue;
		TakeTuple(matcher);
		return;
	}
	ExecStoreAllNullTuple(matcher->slot);
	if (ExpandedRecordIsEmpty(record))
		return;
	memcpy(matcher->slot->tts_values, record->dvalues,
		   desc->natts * sizeof(Datum));
	memcpy(matcher->slot->tts_isnull, record->dnulls,
		   desc->natts * sizeof(bool));
}

static void
TakeValue(Matcher *matcher, Datum value)
{
	HeapTupleHeader header;

	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
	{
		TakeVariable(matcher, (ExpandedRecordHeader *) DatumGetEOHP(value));
		return;
	}
	header = DatumGetHeapTupleHeader(value);
	TakeType(matcher, HeapTupleHeaderGetTypeId(header),
			 HeapTupleHeaderGetTypMod(header));
	matcher->tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&matcher->tuple.t_self);
	matcher->tuple.t_tableOid = InvalidOid;
	matcher->tuple.t_data = header;
	TakeTuple(matcher);
}

/* ---- compiled rules ---- */

static void
NoteColumns(Rule *rule, Node *condition)
{
	Bitmapset  *numbers = NULL;
	int			number = -1;

	pull_varattnos(condition, 1, &numbers);
	rule->ncolumns = 0;
	rule->columns = palloc(bms_num_members(numbers) * sizeof(int));
	while ((number = bms_next_member(numbers, number)) >= 0)
		rule->columns[rule->ncolumns++] =
			number + FirstLowInvalidHeapAttributeNumber - 1;
	bms_free(numbers);
}

static Node *
ReadCondition(const char *text, void *arg)
{
	const Matcher *matcher = arg;

	return RuleOverRow(text, matcher->desc, matcher->type);
}

/*
 * Compiles a rule that was looked for. What analysis leaves behind is the
 * caller's, and short-lived; what is kept has a context of its own, which is
 * ours only when nothing can fail any more.
 */
static Rule *
Compile(Matcher *matcher, const Rule *wanted)
{
	char	   *text = pnstrdup(wanted->text, wanted->length);
	Node	   *condition = matcher->is_lasting ?
	RuleReadOnce(matcher->shape, text, ReadCondition, matcher) :
	ReadCondition(text, matcher);
	Expr	   *planned = expression_planner((Expr *) condition);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "persona rule",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Rule	   *rule = palloc(sizeof(Rule));

	*rule = *wanted;
	rule->text = pnstrdup(text, wanted->length);
	rule->context = context;
	NoteColumns(rule, (Node *) planned);
	rule->state = ExecInitExpr(copyObject(planned), NULL);
	rule->size = MemoryContextMemAllocated(context, true);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, matcher->context);
	return rule;
}

/* Forgets any rule, counting from a place in the table. */
static void
Evict(Matcher *matcher, uint32 place)
{
	rules_iterator iterator;
	RuleSlot   *slot;
	Rule	   *rule;

	rules_start_iterate_at(matcher->rules, &iterator, place);
	slot = rules_iterate(matcher->rules, &iterator);
	rule = slot->rule;
	rules_delete_item(matcher->rules, slot);
	matcher->size -= rule->size;
	MemoryContextDelete(rule->context);
}

/*
 * Keeps a rule. All together take as much memory as a hash table of a query
 * may; beyond that others go at random, for what comes in turn would find the
 * least recent one gone just before it is needed.
 */
static void
Keep(Matcher *matcher, Rule *rule)
{
	bool		found;

	while (matcher->rules->members > 0 &&
		   matcher->size + rule->size > get_hash_memory_limit())
		Evict(matcher, rule->hash);
	(void) rules_insert(matcher->rules, rule, &found);
	matcher->size += rule->size;
}

static Rule *
Find(Matcher *matcher, text *rule)
{
	Rule		wanted = {.text = VARDATA_ANY(rule),
	.length = VARSIZE_ANY_EXHDR(rule)};
	RuleSlot   *slot;

	if (matcher->last != NULL && SameRule(matcher->last, &wanted))
		return matcher->last;
	wanted.hash = hash_bytes((const unsigned char *) wanted.text,
							 wanted.length);
	slot = rules_lookup(matcher->rules, &wanted);
	if (slot != NULL)
		return matcher->last = slot->rule;
	/* An error, or what is thrown away, leaves nothing behind. */
	matcher->last = NULL;
	matcher->last = Compile(matcher, &wanted);
	Keep(matcher, matcher->last);
	return matcher->last;
}

static Datum
Evaluate(FunctionCallInfo fcinfo, Matcher *matcher, Rule *rule)
{
	bool		unknown;
	Datum		result = ExecEvalExpr(rule->state, matcher->econtext,
									  &unknown);

	if (unknown)
		PG_RETURN_NULL();
	return result;
}

/* ---- the functions ---- */

PG_FUNCTION_INFO_V1(persona_matches);

/* persona.matches(subject, rule): the row as one value */
Datum
persona_matches(PG_FUNCTION_ARGS)
{
	Matcher    *matcher;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	matcher = MatcherOf(fcinfo->flinfo);
	if (PG_ARGISNULL(0))
		TakeNull(matcher, fcinfo->flinfo);
	else
		TakeValue(matcher, PG_GETARG_DATUM(0));
	return Evaluate(fcinfo, matcher, Find(matcher, PG_GETARG_TEXT_PP(1)));
}

/* The names of the columns, which inline.c wrote into the query. */
static Datum *
NamesOf(FunctionCallInfo fcinfo, int n)
{
	Datum	   *names;
	bool	   *nulls;
	int			count;

	if (fcinfo->flinfo->fn_expr == NULL ||
		!IsA(fcinfo->flinfo->fn_expr, FuncExpr) ||
		!get_fn_expr_arg_stable(fcinfo->flinfo, 2) || PG_ARGISNULL(1) ||
		PG_ARGISNULL(2) || get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("match_columns() is called by queries over matches() only"),
				 errhint("Call persona.matches(row, rule).")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false,
					  TYPALIGN_INT, &names, &nulls, &count);
	if (count != n || array_contains_nulls(PG_GETARG_ARRAYTYPE_P(2)))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("match_columns() needs a name for every column")));
	return names;
}

/* Whether a rule means the same over two columns. */
static bool
AreAlike(Form_pg_attribute a, Form_pg_attribute b)
{
	return a->atttypid == b->atttypid && a->atttypmod == b->atttypmod &&
		a->attcollation == b->attcollation &&
		strcmp(NameStr(a->attname), NameStr(b->attname)) == 0;
}

/* Marks the identifier of a type whose columns are counted without the dropped. */
#define IN_PARTS (UINT64CONST(1) << 63)

/*
 * The identifier that the columns in the query share with those of other
 * queries over that type, if they are what the type has by now; else 0.
 */
static uint64
ShapeOfParts(Oid type, TupleDesc parts)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_TUPDESC);
	int			n = 0;

	if (entry->tupDesc == NULL)
		return 0;
	for (int i = 0; i < entry->tupDesc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(entry->tupDesc, i);

		if (column->attisdropped)
			continue;
		if (n == parts->natts || !AreAlike(column, TupleDescAttr(parts, n)))
			return 0;
		n++;
	}
	return n == parts->natts ? entry->tupDesc_identifier | IN_PARTS : 0;
}

/* The columns as they stand in the query that calls, under their names. */
static void
TakeArguments(Matcher *matcher, FunctionCallInfo fcinfo)
{
	int			n = PG_NARGS() - RULE_FIRST_COLUMN;
	Datum	   *names = NamesOf(fcinfo, n);
	List	   *args = ((FuncExpr *) fcinfo->flinfo->fn_expr)->args;
	TupleDesc	desc = CreateTemplateTupleDesc(n);
	uint64		shape;

	for (int i = 0; i < n; i++)
	{
		Node	   *arg = list_nth(args, RULE_FIRST_COLUMN + i);

		TupleDescInitEntry(desc, i + 1, TextDatumGetCString(names[i]),
						   exprType(arg), exprTypmod(arg), 0);
		TupleDescInitEntryCollation(desc, i + 1, exprCollation(arg));
	}
	shape = ShapeOfParts(PG_GETARG_OID(1), desc);
	TakeShape(matcher, shape ? shape :
			  assign_record_type_identifier(RECORDOID, -1),
			  PG_GETARG_OID(1), desc);
	matcher->is_lasting = shape != 0;
	ExecStoreAllNullTuple(matcher->slot);
}

PG_FUNCTION_INFO_V1(persona_match_columns);

/* persona.match_columns(rule, row_type, names, columns): the row in parts */
Datum
persona_match_columns(PG_FUNCTION_ARGS)
{
	Matcher    *matcher;
	Rule	   *rule;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	matcher = MatcherOf(fcinfo->flinfo);
	if (matcher->shape == 0)
		TakeArguments(matcher, fcinfo);
	rule = Find(matcher, PG_GETARG_TEXT_PP(0));
	for (int i = 0; i < rule->ncolumns; i++)
	{
		int			column = rule->columns[i];
		NullableDatum *arg = &fcinfo->args[RULE_FIRST_COLUMN + column];

		matcher->slot->tts_values[column] = arg->value;
		matcher->slot->tts_isnull[column] = arg->isnull;
	}
	return Evaluate(fcinfo, matcher, rule);
}
