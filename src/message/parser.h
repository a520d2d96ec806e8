/*
 * parser.h: what the parts of the parser share: its state, and how it reads
 * characters. Nobody else includes it.
 */
#ifndef PERSONA_PARSER_H
#define PERSONA_PARSER_H

#include "message/message.h"
#include "message/value.h"

typedef struct Parser
{
	const char *text;
	int			length;			/* of it, or to the end of a liquid tag */
	bool		lines;			/* in a liquid tag, where a line is a tag */
	int			at;				/* the next byte to be read */
	int			end;			/* where the inside of the markup ends */
	int			after;			/* where what follows the markup begins */
	int			tag;			/* where the tag's name begins */
	int			tag_length;
	bool		trim;			/* the last markup ended in -}} or -%} */
	bool		blank;			/* the body so far shows nothing */
	int			depth;			/* of blocks and brackets */
	MessageNode *nodes;
	int			nnodes;
	int			capacity;
} Parser;

/* ---- errors and nodes (parse.c) ---- */

/* Refuses the template for what stands at offset. */
pg_noreturn extern void ParserRefuse(const Parser *p, int offset,
									 const char *what, const char *hint);

/* Adds a node without children; returns its number. */
extern int	ParserAdd(Parser *p, MessageKind kind, int offset, int length);

/* All nodes added after this one are its children. */
extern void ParserClose(Parser *p, int node);

/* One level deeper, refused where that is too deep. */
extern void ParserEnter(Parser *p, int offset);

/* ---- markup (parse.c) ---- */

/* Past the end of a tag or output, inside of which all was read. */
extern void ParserFinish(Parser *p);

/* The same, whatever is left inside. */
extern void ParserSkip(Parser *p);

/*
 * Reads nodes until a tag that is not one by itself, such as endif, and stops
 * inside of it; false at the end of the text. *blank stays true if the body
 * shows nothing.
 */
extern bool ParserBody(Parser *p, bool *blank);

/* Adds the text from start to here, trimmed where its neighbours ask to. */
extern void ParserAddText(Parser *p, int start);

/* The rest of an output or echo: what it shows. */
extern void ParserShown(Parser *p, int output);

/* Reads the lines of a liquid tag, which is entered, as tags. */
extern void ParserLines(Parser *p);

/*
 * Into the next {% name %}, without reading what is before it; returns where
 * that tag begins, or -1.
 */
extern int	ParserSeek(Parser *p, const char *name);

/* Reads the beginning of the next tag, wherever that is; false if none is. */
extern bool ParserNextTag(Parser *p);

/* ---- tags (tag.c, block.c) ---- */

static inline bool
ParserIsTag(const Parser *p, const char *name)
{
	return MessageSliceIs(MessageSliceOf(p->text + p->tag, p->tag_length),
						  name);
}

/* Reads the tag that stands here; false if it is none by itself. */
extern bool ParserTag(Parser *p);

/* Reads a block whose tag begins at start. */
extern void ParserIf(Parser *p, int start);
extern void ParserUnless(Parser *p, int start);
extern void ParserCase(Parser *p, int start);
extern void ParserFor(Parser *p, int start);
extern void ParserTablerow(Parser *p, int start);
extern void ParserCapture(Parser *p, int start);
extern void ParserIfchanged(Parser *p, int start);

/* A tag such as endif where no block around it wants it. */
pg_noreturn extern void ParserRefuseStray(const Parser *p);

pg_noreturn extern void ParserRefuseUnclosed(const Parser *p, int start,
											 const char *name);

/* ---- operands (operand.c) ---- */

/* Reads a name; false if none stands here. A ? may end it if `question`. */
extern bool ParserName(Parser *p, bool question);

/* A single value. */
extern void ParserOperand(Parser *p);

/* A value with its filters. */
extern void ParserExpression(Parser *p);

/* Values compared and joined by and, or. */
extern void ParserCondition(Parser *p, bool negated);

/* A word, if it comes next on its own. */
extern bool ParserWord(Parser *p, const char *word);

/* A character, and the white space after it, if it comes next. */
extern bool ParserTake(Parser *p, char c);

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

static inline bool
IsNamePart(char c)
{
	return IsNameStart(c) || IsDigit(c) || c == '-';
}

/* A character of the text, zero past its end. */
static inline char
CharAt(const Parser *p, int at)
{
	return at < p->length ? p->text[at] : '\0';
}

/* A character of the markup, zero past its end. */
static inline char
PeekAt(const Parser *p, int ahead)
{
	return p->at + ahead < p->end ? p->text[p->at + ahead] : '\0';
}

static inline char
Peek(const Parser *p)
{
	return PeekAt(p, 0);
}

static inline void
SkipSpace(Parser *p)
{
	while (MessageIsSpace(Peek(p)))
		p->at++;
}

#endif							/* PERSONA_PARSER_H */
