/*
 * parser.h: what the two halves of the parser share: its state, and how it
 * reads characters. Nobody else includes it.
 */
#ifndef PERSONA_PARSER_H
#define PERSONA_PARSER_H

#include "message/message.h"

typedef struct Parser
{
	const char *text;
	int			length;
	int			at;				/* the next byte to be read */
	MessageNode *nodes;
	int			nnodes;
	int			capacity;
	int			depth;			/* of brackets in brackets */
	bool		trim;			/* the last markup ended in -}} or -%} */
} Parser;

/* Refuses the template for what stands at offset. */
extern void ParserRefuse(const Parser *p, int offset, const char *what,
						 const char *hint);

/* Adds a node without children; returns its number. */
extern int	ParserAdd(Parser *p, MessageKind kind, int offset, int length);

/* All nodes added after this one are its children. */
extern void ParserClose(Parser *p, int node);

/* Reads a name; a - belongs to it unless the markup ends there. */
extern void ParserName(Parser *p);

/* Reads a value with its filters, as it stands in an output. */
extern void ParserExpression(Parser *p);

static inline bool
IsSpace(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
IsDigit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
IsNameStart(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		IS_HIGHBIT_SET(c);
}

static inline char
PeekAt(const Parser *p, int ahead)
{
	return p->at + ahead < p->length ? p->text[p->at + ahead] : '\0';
}

static inline char
Peek(const Parser *p)
{
	return PeekAt(p, 0);
}

static inline void
SkipSpace(Parser *p)
{
	while (IsSpace(Peek(p)))
		p->at++;
}

/* Whether the markup ends here: in }} or %}, after a - or not. */
static inline bool
AtEnd(const Parser *p, char last)
{
	int			dash = Peek(p) == '-' ? 1 : 0;

	return PeekAt(p, dash) == last && PeekAt(p, dash + 1) == '}';
}

#endif							/* PERSONA_PARSER_H */
