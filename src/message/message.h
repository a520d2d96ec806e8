/*
 * message.h: templates: what a message says.
 *
 *	parse.c		text -> nodes, checked once, when a template is written down
 *	value.c		what a path leads to, and how a value is written
 *	filter.c	what {{ value | filter: argument }} does to a value
 *	case.c		letters in upper and lower case
 *	date.c		dates, read and written
 *	render.c	nodes + values -> text
 *	record.c	a row as values
 *	template.c	the SQL type and functions
 *
 * All but the last two are a pure kernel: no catalog, no SPI, no setting, no
 * locale. A template is Liquid: text with {{ path | filter: argument, ... }}
 * outputs.
 */
#ifndef PERSONA_MESSAGE_H
#define PERSONA_MESSAGE_H

#include "base/persona.h"

#include "access/htup.h"
#include "utils/jsonb.h"

/*
 * The longest template, and the longest message or value in between, in
 * bytes.
 */
#define MESSAGE_MAX_TEMPLATE (256 * 1024)
#define MESSAGE_MAX_OUTPUT (1024 * 1024)

/* How deep brackets may hold brackets, and arrays arrays in an output. */
#define MESSAGE_MAX_DEPTH 100

/* The most filters one output may have, and the most arguments of a filter. */
#define MESSAGE_MAX_FILTERS 20
#define MESSAGE_MAX_ARGUMENTS 2

/* These numbers are stored in templates: a new kind goes to the end. */
typedef enum
{
	MESSAGE_TEXT,				/* a stretch of text, as it stands */
	MESSAGE_OUTPUT,				/* {{ ... }}: an operand, then filters */
	MESSAGE_PATH,				/* an operand: a name, then steps */
	MESSAGE_NAME,				/* a step: .name */
	MESSAGE_STRING,				/* an operand: 'text' or "text" */
	MESSAGE_NUMBER,				/* an operand: 12 or 1.5 */
	MESSAGE_TRUE,
	MESSAGE_FALSE,
	MESSAGE_NIL,
	MESSAGE_FILTER,				/* its arguments, each an operand */
	MESSAGE_OPTION				/* an argument by name: one operand */
} MessageKind;

/*
 * One node of the tree, in the order of reading: `size` nodes that belong to
 * it follow it, so node + 1 is its first child and node + 1 + size what comes
 * after it. A tag would be one more kind, with its body as children.
 */
typedef struct MessageNode
{
	int16		kind;			/* MessageKind */
	int16		filter;			/* which one, of a MESSAGE_FILTER */
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

/* A value while it is rendered. */
typedef struct MessageValue
{
	enum
	{
		MESSAGE_VALUE_NIL,
		MESSAGE_VALUE_FALSE,
		MESSAGE_VALUE_TRUE,
		MESSAGE_VALUE_NUMBER,	/* text holds its digits */
		MESSAGE_VALUE_STRING,	/* text holds it */
		MESSAGE_VALUE_JSON		/* an array or object, in json */
	}			kind;
	char	   *text;
	JsonbContainer *json;
	bool		safe;			/* ready for HTML: not to be escaped */
} MessageValue;

/* ---- templates (parse.c) ---- */

/* Parses a template; errors name line and column. */
extern MessageTemplate *MessageParse(const char *text, int length);

/* The same template, or, if an older version stored it, parsed again. */
extern const MessageTemplate *MessageCurrent(const MessageTemplate *template);

/* The dotted paths it uses, each once, in order; List of char *. */
extern List *MessageVariables(const MessageTemplate *template);

/* ---- messages (render.c) ---- */

/*
 * Renders with the members of a jsonb object. *missing receives the first
 * path that had no value, or a blank one, and no `default` filter; NULL where
 * there was none. With `escape`, outputs are escaped for HTML unless `raw` or
 * `escape` is their last filter.
 */
extern text *MessageRender(const MessageTemplate *template,
							const Jsonb *values, bool escape,
							const char **missing);

/*
 * The same text on one line: control characters, which could begin another
 * header, give way to a single space.
 */
extern text *MessageOneLine(text *message);

/* The columns of a row as a jsonb object (record.c). */
extern Jsonb *MessageRecordValues(HeapTupleHeader record);

/* ---- values (value.c) ---- */

extern MessageValue MessageFromJson(const JsonbValue *json);
extern MessageValue MessageString(char *text);
extern MessageValue MessageNumber(char *digits);

/* One step further: a member by name, or size, first and last. */
extern MessageValue MessageMember(const MessageValue *value, const char *name,
								  int length);

/* One step further: an element by number, from the end if negative. */
extern MessageValue MessageElement(const MessageValue *value, int64 index);

/* How many elements, members or characters it has; 0 for others. */
extern int	MessageSize(const MessageValue *value);

/* A value as Liquid writes it; "" for nil. */
extern char *MessageToText(const MessageValue *value);

/* A value as a whole number, 0 if it is none; kept within +-1,000,000,000. */
extern int	MessageToInt(const MessageValue *value);

/* nil, false, an empty list, or nothing but white space. */
extern bool MessageIsBlank(const MessageValue *value);

/* Refuses what is longer than a message may be. */
extern void MessageCheckLength(int length);

/* ---- filters (filter.c) ---- */

/* The filter of that name, or -1. */
extern int	MessageFindFilter(const char *name, int length);

/* The names of all filters; List of char *. */
extern List *MessageFilterNames(void);

/* How many arguments filter `number` takes. */
extern void MessageTakes(int number, int *least, int *most);

/* The one argument it takes by name, or NULL. */
extern const char *MessageTakesOption(int number);

/* Applies it: at most MESSAGE_MAX_ARGUMENTS arguments, then the option. */
extern void MessageApply(int number, MessageValue *value, MessageValue *args,
						 int nargs);

/* Whether a filter is the one that gives a missing value a fallback. */
extern bool MessageIsDefault(int number);

/* &, <, >, " and ' as entities. */
extern char *MessageEscape(const char *text);

/* ---- letters and dates (case.c, date.c) ---- */

extern char *MessageUpper(const char *text);
extern char *MessageLower(const char *text);

/* The first letter in upper case, the others in lower. */
extern char *MessageCapitalize(const char *text);

/* A date or time written by a strftime format; NULL if text is no date. */
extern char *MessageDate(const char *text, const char *format);

#endif							/* PERSONA_MESSAGE_H */
