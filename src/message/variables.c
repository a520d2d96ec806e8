/*
 * variables.c: which of the customer's data a template uses.
 *
 * A name that the template gives itself is none of the data: the variable of
 * a loop inside of it, and what is assigned, captured or counted from there
 * on. Inside of a loop it is so from the loop's beginning, as a later pass
 * sees what an earlier one assigned. Whoever brings exactly the data listed
 * here brings all that the template can show.
 */
#include "message/message.h"

#include "common/hashfn.h"
#include "message/value.h"
#include "miscadmin.h"

/* ---- sets of names ---- */

typedef struct NameEntry
{
	MessageSlice name;
	int			holders;		/* how many make it the template's own */
	char		status;
} NameEntry;

#define SH_PREFIX names
#define SH_ELEMENT_TYPE NameEntry
#define SH_KEY_TYPE MessageSlice
#define SH_KEY name
#define SH_HASH_KEY(table, key) \
	hash_bytes((const unsigned char *) (key).text, (key).length)
#define SH_EQUAL(table, a, b) MessageSlicesMatch(a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct Walk
{
	const MessageTemplate *template;
	names_hash *own;
	names_hash *seen;
	List	   *paths;			/* what it is all about */
} Walk;

static void WalkNodes(Walk *w, const MessageNode *node,
					  const MessageNode *end);

static MessageSlice
TextOf(const Walk *w, const MessageNode *node)
{
	return MessageSliceOf(MessageText(w->template) + node->offset,
						  node->length);
}

static void
Hold(Walk *w, MessageSlice name)
{
	bool		there;
	NameEntry  *entry = names_insert(w->own, name, &there);

	entry->holders = there ? entry->holders + 1 : 1;
}

static void
Release(Walk *w, MessageSlice name)
{
	names_lookup(w->own, name)->holders--;
}

static bool
IsOwn(const Walk *w, MessageSlice name)
{
	const NameEntry *entry = names_lookup(w->own, name);

	return entry != NULL && entry->holders > 0;
}

/* ---- paths ---- */

/* Whether a step is a name, as .name or as ["name"]. */
static bool
IsPlainStep(const Walk *w, const MessageNode *step)
{
	MessageSlice text = TextOf(w, step);

	if (step->kind == NODE_NAME)
		return true;
	if (step->kind != NODE_STRING || text.length == 0)
		return false;
	for (int i = 0; i < text.length; i++)
	{
		char		c = text.text[i];

		if (!(isalpha((unsigned char) c) || c == '_' || IS_HIGHBIT_SET(c) ||
			  (i > 0 && isdigit((unsigned char) c))))
			return false;
	}
	return true;
}

/* A path as far as its names go: items[0].price is items. */
static char *
DottedPath(const Walk *w, const MessageNode *path)
{
	StringInfoData dotted;

	initStringInfo(&dotted);
	for (const MessageNode *step = path + 1; step < MessageNextNode(path);
		 step = MessageNextNode(step))
	{
		if (step > path + 1 && !IsPlainStep(w, step))
			break;
		if (dotted.len > 0)
			appendStringInfoChar(&dotted, '.');
		appendBinaryStringInfo(&dotted, TextOf(w, step).text, step->length);
	}
	return dotted.data;
}

static void
NotePath(Walk *w, const MessageNode *path)
{
	const MessageNode *head = path + 1;
	char	   *dotted;
	bool		there;

	if (head->kind != NODE_NAME && head->kind != NODE_STRING)
		return;
	if (IsOwn(w, TextOf(w, head)))
		return;
	dotted = DottedPath(w, path);
	(void) names_insert(w->seen, MessageSliceOf(dotted, strlen(dotted)),
						&there);
	if (!there)
		w->paths = lappend(w->paths, dotted);
}

/* ---- loops ---- */

/* What the body assigns is the template's own in all of it. */
static void
HoldAssigned(Walk *w, const MessageNode *body)
{
	for (const MessageNode *node = body + 1; node < MessageNextNode(body);
		 node++)
		if (node->kind == NODE_ASSIGN || node->kind == NODE_CAPTURE)
			Hold(w, TextOf(w, node));
}

static void
WalkBody(Walk *w, const MessageNode *loop, const MessageNode *body)
{
	const char *word = loop->kind == NODE_FOR ? "forloop" : "tablerowloop";
	MessageSlice itself = {word, strlen(word)};

	HoldAssigned(w, body);
	Hold(w, TextOf(w, loop));
	Hold(w, itself);
	WalkNodes(w, body + 1, MessageNextNode(body));
	Release(w, itself);
	Release(w, TextOf(w, loop));
}

static void
WalkLoop(Walk *w, const MessageNode *loop)
{
	for (const MessageNode *part = loop + 1; part < MessageNextNode(loop);
		 part = MessageNextNode(part))
		if (part->kind == NODE_BODY)
			WalkBody(w, loop, part);
		else
			WalkNodes(w, part, MessageNextNode(part));
}

/* ---- nodes ---- */

static void
WalkNode(Walk *w, const MessageNode *node)
{
	if (node->kind == NODE_FOR || node->kind == NODE_TABLEROW)
	{
		WalkLoop(w, node);
		return;
	}
	if (node->kind == NODE_PATH)
		NotePath(w, node);
	WalkNodes(w, node + 1, MessageNextNode(node));
	if (node->kind == NODE_ASSIGN || node->kind == NODE_CAPTURE ||
		node->kind == NODE_INCREMENT || node->kind == NODE_DECREMENT)
		Hold(w, TextOf(w, node));
}

static void
WalkNodes(Walk *w, const MessageNode *node, const MessageNode *end)
{
	check_stack_depth();
	for (; node < end; node = MessageNextNode(node))
	{
		CHECK_FOR_INTERRUPTS();
		WalkNode(w, node);
	}
}

List *
MessageVariables(const MessageTemplate *template)
{
	Walk		w = {0};

	w.template = MessageCurrent(template);
	w.own = names_create(CurrentMemoryContext, 64, NULL);
	w.seen = names_create(CurrentMemoryContext, 64, NULL);
	WalkNodes(&w, w.template->nodes, w.template->nodes + w.template->nnodes);
	return w.paths;
}

/* ---- without names ---- */

/* Whether a path leads to what somebody is called. */
static bool
IsSomebodysName(const Walk *w, const MessageNode *path)
{
	static const char *const called[] = {
		"first_name", "firstname", "forename", "given_name", "last_name",
		"lastname", "family_name", "surname", "full_name", "nickname",
		"salutation"
	};
	const MessageNode *last = path + 1;

	for (const MessageNode *step = last; step < MessageNextNode(path);
		 step = MessageNextNode(step))
		last = step;
	for (int i = 0; i < lengthof(called); i++)
		if (MessageSliceIs(TextOf(w, last), called[i]))
			return true;
	return last == path + 1 && MessageSliceIs(TextOf(w, last), "name");
}

/* What is shown where there is no name. */
static void
AppendFallback(const Walk *w, StringInfo out, const MessageNode *output)
{
	const MessageNode *filter = MessageNextNode(output + 1);

	for (; filter < MessageNextNode(output); filter = MessageNextNode(filter))
		if (filter->size == 1 && filter[1].kind == NODE_STRING &&
			MessageSliceIs(TextOf(w, filter), "default"))
			appendBinaryStringInfo(out, TextOf(w, filter + 1).text,
								   filter[1].length);
}

char *
MessageNameless(const MessageTemplate *template)
{
	Walk		w = {.template = MessageCurrent(template)};
	StringInfoData out;
	const char *text = MessageText(w.template);
	int			done = 0;

	initStringInfo(&out);
	for (int i = 0; i < w.template->nnodes; i++)
	{
		const MessageNode *node = &w.template->nodes[i];

		if (node->kind != NODE_OUTPUT || node[1].kind != NODE_PATH ||
			!IsSomebodysName(&w, node + 1))
			continue;
		appendBinaryStringInfo(&out, text + done, node->offset - done);
		AppendFallback(&w, &out, node);
		done = node->offset + node->length;
	}
	appendBinaryStringInfo(&out, text + done, w.template->length - done);
	return out.data;
}
