/*
 * message.h: templates: what a message says.
 *
 * A template is Liquid: text with {{ outputs }} and {% tags %}. It is parsed
 * once, when it is written down, and rendered for every customer.
 *
 *	parse.c		text -> nodes; tag.c, block.c and operand.c are parts of it
 *	variables.c	which of the customer's data the nodes use
 *	render.c	nodes + values -> text; branch.c and loop.c are parts of it
 *	filter.c	what {{ value | filter: argument }} does, by kind in *_filters.c
 *	value.c		values: what a path leads to; text.c writes them, compare.c
 *				compares them, number.c reckons
 *	date.c		dates, read and written; money.c amounts; locale.c their words
 *	case.c		letters in upper and lower case
 *	html.c		whether what a template writes is well-formed
 *
 * All these are a pure kernel: no catalog, no SPI, no setting, no locale of
 * the system, so that a fuzzer can drive it. Around it stand
 *
 *	message.c	a rendering from data to text
 *	json.c		jsonb, or JSON as text, as values
 *	record.c	a row as values
 *	zone.c		time zones
 *	line.c		a subject line
 *	template.c	the SQL type and functions
 */
#ifndef PERSONA_MESSAGE_H
#define PERSONA_MESSAGE_H

#include "base/persona.h"

#include "access/htup.h"
#include "utils/jsonb.h"

/* The longest template, in bytes. */
#define MESSAGE_MAX_TEMPLATE (256 * 1024)

/* How deep blocks may hold blocks, and brackets brackets. */
#define MESSAGE_MAX_DEPTH 100

/* The most filters of one value, and the most arguments of a filter. */
#define MESSAGE_MAX_FILTERS 20
#define MESSAGE_MAX_ARGUMENTS 4

/* The most values that one `when` is compared with. */
#define MESSAGE_MAX_VALUES 1000

typedef enum
{
	/* what a message is made of */
	NODE_TEXT,					/* a stretch of text, as it stands */
	NODE_OUTPUT,				/* {{ ... }}: an operand, then filters */
	NODE_ASSIGN,				/* the name; an operand, then filters */
	NODE_CAPTURE,				/* the name; its body */
	NODE_IF,					/* branches */
	NODE_BRANCH,				/* a condition, then a body */
	NODE_CASE,					/* an operand, then NODE_WHEN and NODE_ELSE */
	NODE_WHEN,					/* `detail` operands, then a body */
	NODE_ELSE,					/* a body */
	NODE_FOR,					/* the name; operand, options, body, else */
	NODE_TABLEROW,				/* likewise */
	NODE_LIMIT,					/* options of a loop: an operand */
	NODE_OFFSET,
	NODE_COLS,
	NODE_BODY,					/* what a loop repeats */
	NODE_BREAK,
	NODE_CONTINUE,
	NODE_CYCLE,					/* operands; with a `detail`, a name first */
	NODE_INCREMENT,				/* the name */
	NODE_DECREMENT,
	NODE_IFCHANGED,				/* a body */

	/* conditions */
	NODE_CONDITION,				/* tests, read from left to right */
	NODE_TEST,					/* one operand, or two and a MessageTest */

	/* operands */
	NODE_PATH,					/* a name, then steps */
	NODE_NAME,					/* a step: .name */
	NODE_STRING,				/* 'text' or "text" */
	NODE_INTEGER,				/* 12 */
	NODE_DECIMAL,				/* 1.5 */
	NODE_RANGE,					/* (1..n): two operands */
	NODE_TRUE,
	NODE_FALSE,
	NODE_NIL,
	NODE_EMPTY,
	NODE_BLANK,

	NODE_FILTER,				/* which one in `detail`; its arguments */
	NODE_OPTION					/* an argument by name: one operand */
} MessageKind;

/* Flags in the detail of a loop. */
#define LOOP_REVERSED 1
#define LOOP_CONTINUES 2		/* offset: continue */

/* The detail of a NODE_TEST: an operator, and what joins it to the next. */
typedef enum
{
	TEST_TRUTH,
	TEST_EQUAL,
	TEST_UNEQUAL,
	TEST_LESS,
	TEST_GREATER,
	TEST_LESS_EQUAL,
	TEST_GREATER_EQUAL,
	TEST_CONTAINS
} MessageTest;

#define TEST_OPERATOR 7			/* mask */
#define TEST_AND 8
#define TEST_OR 16
#define TEST_NOT 32				/* the whole condition: of `unless` */

/*
 * One node of the tree, in the order of reading: `size` nodes that belong to
 * it follow it, so node + 1 is its first child and node + 1 + size what comes
 * after it.
 */
typedef struct MessageNode
{
	int16		kind;			/* MessageKind */
	int16		detail;
	int32		offset;			/* where it stands in the template */
	int32		length;
	int32		size;
} MessageNode;

/*
 * A template as it is stored: the text exactly as it was written, and the
 * nodes that parsing found in it. What an older version of persona stored is
 * parsed again from its text when it is used.
 */
typedef struct MessageTemplate
{
	int32		vl_len_;		/* varlena header, do not touch directly */
	int32		version;		/* of this layout */
	int32		nnodes;
	int32		length;			/* of the text, which follows the nodes */
	MessageNode nodes[FLEXIBLE_ARRAY_MEMBER];
} MessageTemplate;

#define MessageText(t) ((const char *) &(t)->nodes[(t)->nnodes])
#define MessageNextNode(node) ((node) + 1 + (node)->size)

/* ---- templates ---- */

/* Parses a template; errors name line and column. */
extern MessageTemplate *MessageParse(const char *text, int length);

/* The same template, or, if an older version stored it, parsed again. */
extern const MessageTemplate *MessageCurrent(const MessageTemplate *template);

/*
 * The dotted paths it takes from its data, each once, in order; List of
 * char *. Names that it gives itself (assign, capture, loops) are not among
 * them.
 */
extern List *MessageVariables(const MessageTemplate *template);

/*
 * The template's text without its outputs of somebody's name, of which what
 * they fall back to stays: "Hi {{ first_name | default: 'there' }}!" is
 * "Hi there!".
 */
extern char *MessageNameless(const MessageTemplate *template);

/*
 * What is wrong with the HTML that it writes, in words, and where; NULL if
 * nothing is.
 */
extern char *MessageBrokenHtml(const MessageTemplate *template, int *offset);

/* ---- messages ---- */

/*
 * Renders with the members of a jsonb object. *missing receives the paths that
 * had no value, or a blank one, and no `default` filter: each once, as they
 * come in the text; List of char *. With `escape`, outputs are escaped for HTML
 * unless they went through `raw`.
 */
extern text *MessageRender(const MessageTemplate *template,
							const Jsonb *values, bool escape,
							List **missing);

/* The same with the columns of a row, and with JSON as it is written. */
extern text *MessageRenderRecord(const MessageTemplate *template,
								  HeapTupleHeader record, bool escape);
extern text *MessageRenderText(const MessageTemplate *template, text *json,
								bool escape);

/*
 * The same text on one line: control characters, which could begin another
 * header, give way to a single space.
 */
extern text *MessageOneLine(text *message);

#endif							/* PERSONA_MESSAGE_H */
