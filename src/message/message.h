/*
 * message.h: templates: what a message says.
 *
 *	parse.c		text -> nodes, checked once, when a template is written down
 *	render.c	nodes + values -> text
 *	filter.c	what {{ value | filter: argument }} does to a value
 *	template.c	the SQL type and functions
 *
 * The first three are a pure kernel: no catalog, no SPI, no setting.
 *
 * A template is Liquid: text with {{ path | filter: argument, ... }} outputs.
 */
#ifndef PERSONA_MESSAGE_H
#define PERSONA_MESSAGE_H

#include "base/persona.h"

#include "utils/jsonb.h"

/* The longest template, and the longest message it may become, in bytes. */
#define MESSAGE_MAX_TEMPLATE (256 * 1024)
#define MESSAGE_MAX_OUTPUT (1024 * 1024)

/* The most filters one output may have, and the most arguments of a filter. */
#define MESSAGE_MAX_FILTERS 20
#define MESSAGE_MAX_ARGUMENTS 2

typedef enum
{
	MESSAGE_TEXT,				/* a stretch of text, as it stands */
	MESSAGE_OUTPUT,				/* {{ ... }}: begins with an operand */
	MESSAGE_PATH,				/* an operand: a value by its path */
	MESSAGE_STRING,				/* an operand: 'text' or "text" */
	MESSAGE_NUMBER,				/* an operand: 12 or 1.5 */
	MESSAGE_TRUE,
	MESSAGE_FALSE,
	MESSAGE_NIL,
	MESSAGE_FILTER				/* a filter; its arguments follow */
} MessageKind;

/* One node: where its text stands in the template, and how much follows. */
typedef struct MessageNode
{
	int32		kind;			/* MessageKind */
	int32		offset;
	int32		length;
	int32		count;			/* nodes of an output, arguments of a filter */
} MessageNode;

/*
 * A template as it is stored: the text exactly as it was written, and the
 * nodes that parsing found in it.
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

/* A value while it is rendered. */
typedef struct MessageValue
{
	enum
	{
		MESSAGE_VALUE_NIL,
		MESSAGE_VALUE_FALSE,
		MESSAGE_VALUE_TRUE,
		MESSAGE_VALUE_NUMBER,	/* text holds its digits */
		MESSAGE_VALUE_STRING,
		MESSAGE_VALUE_JSON		/* an array or object; text holds it */
	}			kind;
	char	   *text;
	bool		safe;			/* was marked raw: not to be escaped */
} MessageValue;

/* Parses a template; errors name the line. */
extern MessageTemplate *MessageParse(const char *text, int length);

/* The dotted paths it outputs, each once, in order; List of char *. */
extern List *MessageVariables(const MessageTemplate *template);

/*
 * Renders with the members of a jsonb object. *missing receives the first
 * path that had no value, or a blank one, and no `default` filter; NULL where
 * there was none. With `escape`, outputs are escaped for HTML unless `raw`.
 */
extern text *MessageRender(const MessageTemplate *template,
						   const Jsonb *values, bool escape,
						   const char **missing);

/* The same text on one line: a subject line holds no control character. */
extern text *MessageOneLine(text *message);

/* ---- filters ---- */

typedef void (*MessageFilter) (MessageValue *value, MessageValue *args,
							   int nargs);

/* The filter of that name, or -1. */
extern int	MessageFindFilter(const char *name, int length);

/* The names of all filters; List of char *. */
extern List *MessageFilterNames(void);

/* Whether filter `number` takes that many arguments. */
extern bool MessageTakes(int number, int nargs);

extern void MessageApply(int number, MessageValue *value, MessageValue *args,
						 int nargs);

/* A value as Liquid writes it; "" for nil. */
extern char *MessageToText(const MessageValue *value);

/* nil, false, or nothing but white space. */
extern bool MessageIsBlank(const MessageValue *value);

/* &, <, >, " and ' as entities. */
extern char *MessageEscape(const char *text);

/* Whether a filter is the one that gives a missing value a fallback. */
extern bool MessageIsDefault(int number);

#endif							/* PERSONA_MESSAGE_H */
