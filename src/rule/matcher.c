/*
 * matcher.c: sets of rows as bitmaps of one block of 512.
 *
 * A row sets one bit for each eager input, in the bitmap of its slot. Slots
 * are the positions folded together that no condition tells apart. One walk
 * over the slots of an input, with the OR of all bitmaps so far, then gives the
 * sets "at" and "up to"; everything above them is a flat list of ANDs, ORs and
 * NOTs of 64 bytes each. Its cost is that of the distinct conditions, whatever
 * the number of rules that share them.
 *
 * Knows nothing of types, expressions or catalogs.
 */
#include "rule/matcher.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

typedef enum
{
	NODE_NONE,
	NODE_ALL,
	NODE_AT,					/* of input a, position b */
	NODE_UPTO,
	NODE_AND,					/* of nodes a and b */
	NODE_OR,
	NODE_NOT					/* of node a */
} NodeKind;

typedef struct MatcherNode
{
	NodeKind	kind;
	int			a;
	int			b;
} MatcherNode;

typedef struct NodeEntry
{
	MatcherNode key;
	int			number;
} NodeEntry;

typedef struct Input
{
	int			npositions;
	bool		lazy;
	int32		positions[MATCHER_ROWS];	/* of the block at hand */
	MatcherSet	asked;			/* of a lazy one: the rows that have theirs */

	/* of an eager one */
	int			nslots;
	int32	   *slots;			/* of each position */
	int		   *at;				/* the node of each slot, or NONE */
	int		   *upto;
	bool		has_upto;
	MatcherSet *bits;			/* of each slot */
} Input;

struct Matcher
{
	MatcherAsk	ask;
	void	   *arg;
	int			nnodes;
	int			room;
	MatcherNode *nodes;
	bool	   *lazy;			/* of each node */
	HTAB	   *numbers;		/* of NodeEntry */
	int			ninputs;
	int			inputs_room;
	Input	  **inputs;
	int			nrows;
	MatcherSet	all;			/* the rows that the block has */
	MatcherSet *sets;			/* of each node */
	MatcherSet *asked;			/* of each lazy node: the rows it is right for */
};

/* ---- making nodes ---- */

static int
AddNode(Matcher *matcher, NodeKind kind, int a, int b, bool lazy)
{
	MatcherNode node = {kind, a, b};
	bool		found;
	NodeEntry  *entry = hash_search(matcher->numbers, &node, HASH_ENTER, &found);

	if (found)
		return entry->number;
	if (matcher->nnodes == matcher->room)
	{
		matcher->room *= 2;
		matcher->nodes = repalloc_huge(matcher->nodes,
									   sizeof(MatcherNode) * matcher->room);
		matcher->lazy = repalloc_huge(matcher->lazy,
									  sizeof(bool) * matcher->room);
	}
	matcher->nodes[matcher->nnodes] = node;
	matcher->lazy[matcher->nnodes] = lazy;
	entry->number = matcher->nnodes++;
	return entry->number;
}

Matcher *
MatcherCreate(MatcherAsk ask, void *arg)
{
	Matcher    *matcher = palloc0(sizeof(Matcher));
	HASHCTL		control = {.keysize = sizeof(MatcherNode), .entrysize = sizeof(NodeEntry),
	.hcxt = CurrentMemoryContext};

	matcher->ask = ask;
	matcher->arg = arg;
	matcher->room = 64;
	matcher->nodes = palloc(sizeof(MatcherNode) * matcher->room);
	matcher->lazy = palloc(sizeof(bool) * matcher->room);
	matcher->numbers = hash_create("persona matcher", 1024, &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	matcher->inputs_room = 16;
	matcher->inputs = palloc(sizeof(Input *) * matcher->inputs_room);
	(void) AddNode(matcher, NODE_NONE, 0, 0, false);
	(void) AddNode(matcher, NODE_ALL, 0, 0, false);
	return matcher;
}

int
MatcherInput(Matcher *matcher, int npositions, bool lazy)
{
	Input	   *input = palloc0(sizeof(Input));

	Assert(npositions > 0);
	input->npositions = npositions;
	input->lazy = lazy;
	if (matcher->ninputs == matcher->inputs_room)
	{
		matcher->inputs_room *= 2;
		matcher->inputs = repalloc(matcher->inputs,
								   sizeof(Input *) * matcher->inputs_room);
	}
	matcher->inputs[matcher->ninputs] = input;
	return matcher->ninputs++;
}

int
MatcherAt(Matcher *matcher, int input, int position)
{
	return AddNode(matcher, NODE_AT, input, position,
				   matcher->inputs[input]->lazy);
}

int
MatcherUpTo(Matcher *matcher, int input, int position)
{
	return AddNode(matcher, NODE_UPTO, input, position,
				   matcher->inputs[input]->lazy);
}

int
MatcherKnown(Matcher *matcher, int input)
{
	return MatcherUpTo(matcher, input, matcher->inputs[input]->npositions - 1);
}

bool
MatcherIsLazy(const Matcher *matcher, int node)
{
	return matcher->lazy[node];
}

/* Of two that are asked in any order the one made first comes first. */
static int
AddPair(Matcher *matcher, NodeKind kind, int a, int b)
{
	bool		lazy = matcher->lazy[a] || matcher->lazy[b];
	bool		swap = lazy ? matcher->lazy[a] && !matcher->lazy[b] : a > b;

	return swap ? AddNode(matcher, kind, b, a, lazy) :
		AddNode(matcher, kind, a, b, lazy);
}

int
MatcherAnd(Matcher *matcher, int a, int b)
{
	if (a == MATCHER_NONE || b == MATCHER_NONE)
		return MATCHER_NONE;
	if (a == MATCHER_ALL || a == b)
		return b;
	if (b == MATCHER_ALL)
		return a;
	return AddPair(matcher, NODE_AND, a, b);
}

int
MatcherOr(Matcher *matcher, int a, int b)
{
	if (a == MATCHER_ALL || b == MATCHER_ALL)
		return MATCHER_ALL;
	if (a == MATCHER_NONE || a == b)
		return b;
	if (b == MATCHER_NONE)
		return a;
	return AddPair(matcher, NODE_OR, a, b);
}

int
MatcherNot(Matcher *matcher, int a)
{
	if (a == MATCHER_NONE)
		return MATCHER_ALL;
	if (a == MATCHER_ALL)
		return MATCHER_NONE;
	if (matcher->nodes[a].kind == NODE_NOT)
		return matcher->nodes[a].a;
	return AddNode(matcher, NODE_NOT, a, 0, matcher->lazy[a]);
}

/* ---- laying out ---- */

/* Whether a condition can tell a position from the one before it. */
static void
MarkSplits(const Matcher *matcher, bool **splits)
{
	for (int i = 0; i < matcher->nnodes; i++)
	{
		const MatcherNode *node = &matcher->nodes[i];
		int			n;

		if (matcher->lazy[i] ||
			(node->kind != NODE_AT && node->kind != NODE_UPTO))
			continue;
		n = matcher->inputs[node->a]->npositions;
		if (node->kind == NODE_AT)
			splits[node->a][node->b] = true;
		if (node->b + 1 < n)
			splits[node->a][node->b + 1] = true;
	}
}

static void
LayOutInput(Input *input, const bool *splits)
{
	input->slots = MemoryContextAllocHuge(CurrentMemoryContext,
										  sizeof(int32) * input->npositions);
	input->slots[0] = 0;
	for (int p = 1; p < input->npositions; p++)
		input->slots[p] = input->slots[p - 1] + splits[p];
	input->nslots = input->slots[input->npositions - 1] + 1;
	input->at = palloc0(sizeof(int) * input->nslots);
	input->upto = palloc0(sizeof(int) * input->nslots);
	input->bits = MemoryContextAllocExtended(CurrentMemoryContext,
											 sizeof(MatcherSet) * input->nslots,
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* Each slot learns which nodes are its sets. */
static void
LayOutNodes(Matcher *matcher)
{
	for (int i = 0; i < matcher->nnodes; i++)
	{
		const MatcherNode *node = &matcher->nodes[i];
		Input	   *input;

		if (matcher->lazy[i] ||
			(node->kind != NODE_AT && node->kind != NODE_UPTO))
			continue;
		input = matcher->inputs[node->a];
		if (node->kind == NODE_AT)
			input->at[input->slots[node->b]] = i;
		else
		{
			input->upto[input->slots[node->b]] = i;
			input->has_upto = true;
		}
	}
}

void
MatcherReady(Matcher *matcher)
{
	bool	  **splits = palloc0(sizeof(bool *) * Max(matcher->ninputs, 1));
	Size		size = sizeof(MatcherSet) * matcher->nnodes;

	for (int i = 0; i < matcher->ninputs; i++)
		splits[i] = palloc0(matcher->inputs[i]->npositions);
	MarkSplits(matcher, splits);
	for (int i = 0; i < matcher->ninputs; i++)
	{
		if (!matcher->inputs[i]->lazy)
			LayOutInput(matcher->inputs[i], splits[i]);
		pfree(splits[i]);
	}
	pfree(splits);
	LayOutNodes(matcher);
	matcher->sets = MemoryContextAllocExtended(CurrentMemoryContext, size,
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	matcher->asked = MemoryContextAllocExtended(CurrentMemoryContext, size,
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* ---- sets ---- */

static inline void
SetBit(MatcherSet set, int row)
{
	set[row / 64] |= UINT64CONST(1) << (row % 64);
}

static inline bool
HasBit(const uint64 *set, int row)
{
	return (set[row / 64] >> (row % 64)) & 1;
}

static inline bool
IsEmpty(const uint64 *set)
{
	uint64		any = 0;

	for (int w = 0; w < MATCHER_WORDS; w++)
		any |= set[w];
	return any == 0;
}

/* ---- the eager nodes of a block ---- */

void
MatcherPut(Matcher *matcher, int input, int row, int position)
{
	matcher->inputs[input]->positions[row] = position;
}

static void
Scatter(Input *input, int nrows)
{
	for (int row = 0; row < nrows; row++)
		if (input->positions[row] != MATCHER_NULL)
			SetBit(input->bits[input->slots[input->positions[row]]], row);
}

/* Bitmaps of slots into those of nodes; the slots are left empty. */
static void
Gather(Matcher *matcher, Input *input)
{
	MatcherSet	so_far = {0};

	for (int slot = 0; slot < input->nslots; slot++)
	{
		uint64	   *bits = input->bits[slot];

		for (int w = 0; w < MATCHER_WORDS; w++)
			so_far[w] |= bits[w];
		if (input->at[slot] != MATCHER_NONE)
			memcpy(matcher->sets[input->at[slot]], bits, sizeof(MatcherSet));
		if (input->upto[slot] != MATCHER_NONE)
			memcpy(matcher->sets[input->upto[slot]], so_far, sizeof(MatcherSet));
		memset(bits, 0, sizeof(MatcherSet));
	}
}

static void
Combine(Matcher *matcher, int number)
{
	const MatcherNode *node = &matcher->nodes[number];
	uint64	   *to = matcher->sets[number];
	const uint64 *a = matcher->sets[node->a];
	const uint64 *b = matcher->sets[node->b];

	switch (node->kind)
	{
		case NODE_ALL:
			memcpy(to, matcher->all, sizeof(MatcherSet));
			break;
		case NODE_AND:
			for (int w = 0; w < MATCHER_WORDS; w++)
				to[w] = a[w] & b[w];
			break;
		case NODE_OR:
			for (int w = 0; w < MATCHER_WORDS; w++)
				to[w] = a[w] | b[w];
			break;
		case NODE_NOT:
			for (int w = 0; w < MATCHER_WORDS; w++)
				to[w] = matcher->all[w] & ~a[w];
			break;
		default:
			break;				/* filled by Gather() */
	}
}

void
MatcherBlock(Matcher *matcher, int nrows)
{
	matcher->nrows = nrows;
	memset(matcher->all, 0, sizeof(MatcherSet));
	for (int row = 0; row < nrows; row++)
		SetBit(matcher->all, row);
	for (int i = 0; i < matcher->ninputs; i++)
	{
		Input	   *input = matcher->inputs[i];

		if (input->lazy)
			memset(input->asked, 0, sizeof(MatcherSet));
		else
		{
			Scatter(input, nrows);
			Gather(matcher, input);
		}
	}
	for (int i = 0; i < matcher->nnodes; i++)
	{
		if (matcher->lazy[i])
		{
			memset(matcher->asked[i], 0, sizeof(MatcherSet));
			memset(matcher->sets[i], 0, sizeof(MatcherSet));
		}
		else
			Combine(matcher, i);
	}
}

/* ---- the lazy nodes, where they are asked for ---- */

/* The next row of a set from `row` on; -1 where there is none. */
static int
NextRow(const uint64 *set, int row)
{
	while (row < MATCHER_ROWS)
	{
		uint64		word = set[row / 64] >> (row % 64);

		if (word != 0)
			return row + pg_rightmost_one_pos64(word);
		row = (row / 64 + 1) * 64;
	}
	return -1;
}

static void
AskInput(Matcher *matcher, int number, NodeKind kind, int position,
		 const uint64 *rows, uint64 *to)
{
	Input	   *input = matcher->inputs[number];

	for (int row = NextRow(rows, 0); row >= 0; row = NextRow(rows, row + 1))
	{
		int			is;

		if (!HasBit(input->asked, row))
		{
			input->positions[row] = matcher->ask(matcher->arg, number, row);
			SetBit(input->asked, row);
		}
		is = input->positions[row];
		if (kind == NODE_AT ? is == position :
			is != MATCHER_NULL && is <= position)
			SetBit(to, row);
	}
}

/* Makes the node right for `rows`, beside those it is right for already. */
static void
Ask(Matcher *matcher, int number, const uint64 *rows)
{
	const MatcherNode *node = &matcher->nodes[number];
	uint64	   *to = matcher->sets[number];
	const uint64 *a = matcher->sets[node->a];
	const uint64 *b = matcher->sets[node->b];
	MatcherSet	missing;
	MatcherSet	rest;
	uint64		turn = node->kind == NODE_OR ? ~UINT64CONST(0) : 0;

	if (!matcher->lazy[number])
		return;
	for (int w = 0; w < MATCHER_WORDS; w++)
		missing[w] = rows[w] & ~matcher->asked[number][w];
	if (IsEmpty(missing))
		return;
	check_stack_depth();
	if (node->kind == NODE_AT || node->kind == NODE_UPTO)
		AskInput(matcher, node->a, node->kind, node->b, missing, to);
	else
	{
		Ask(matcher, node->a, missing);
		for (int w = 0; w < MATCHER_WORDS; w++)
			rest[w] = missing[w] & (a[w] ^ turn);
		if (node->kind != NODE_NOT)
			Ask(matcher, node->b, rest);
		for (int w = 0; w < MATCHER_WORDS; w++)
		{
			uint64		is = node->kind == NODE_NOT ? ~a[w] :
			node->kind == NODE_AND ? rest[w] & b[w] : a[w] | (rest[w] & b[w]);

			to[w] |= is & missing[w];
		}
	}
	for (int w = 0; w < MATCHER_WORDS; w++)
		matcher->asked[number][w] |= missing[w];
}

const uint64 *
MatcherRows(Matcher *matcher, int node)
{
	Ask(matcher, node, matcher->all);
	return matcher->sets[node];
}

bool
MatcherHas(Matcher *matcher, int node, int row)
{
	MatcherSet	one = {0};

	SetBit(one, row);
	Ask(matcher, node, one);
	return HasBit(matcher->sets[node], row);
}
