/*
 * render.h: what the parts of the renderer share with each other, and with
 * those who bring the data. Nobody else includes it.
 */
#ifndef PERSONA_RENDER_H
#define PERSONA_RENDER_H

#include "message/message.h"
#include "message/value.h"

/* What a template keeps by a name while it is rendered. */
typedef struct Register
{
	struct RegisterEntry *entries;
	int			n;
	int			capacity;
} Register;

typedef enum
{
	JUMP_NONE,
	JUMP_BREAK,
	JUMP_CONTINUE
} Jump;

typedef struct Renderer
{
	const MessageTemplate *template;
	MessageValue root;			/* the data */
	bool		escape;
	List	   *missing;		/* of char *: paths that led nowhere, each
								 * once */
	MessageBudget budget;
	StringInfo	out;			/* the message, or what is captured */
	Jump		jump;			/* a break or continue on its way up */
	MessageLoop *loop;			/* the innermost */
	Register	assigned;
	Register	counters;
	Register	cycles;
	Register	positions;		/* where loops left off */
	MessageSlice unchanged;		/* what ifchanged showed last */
} Renderer;

/*
 * Data as values (json.c, record.c): of a Jsonb, of a text that is JSON, of a
 * HeapTupleHeader.
 */
extern MessageValue MessageFromJsonb(const void *jsonb);
extern MessageValue MessageFromJson(const void *json);
extern MessageValue MessageFromRecord(const void *record);

/* Renders in the current memory context, all that is needed in between too. */
extern void RenderTemplate(Renderer *r);

extern void RenderNodes(Renderer *r, const MessageNode *node,
						const MessageNode *end);
extern MessageValue RenderOperand(Renderer *r, const MessageNode *node);

static inline void
RenderBody(Renderer *r, const MessageNode *body)
{
	RenderNodes(r, body + 1, MessageNextNode(body));
}

/* The value kept by that name, or NULL. */
extern MessageValue *RegisterFind(Renderer *r, const Register *names,
								  MessageSlice name);
extern void RegisterPut(Renderer *r, Register *names, MessageSlice name,
						MessageValue value);

/* if, unless and case (branch.c) */
extern void RenderIf(Renderer *r, const MessageNode *node);
extern void RenderCase(Renderer *r, const MessageNode *node);

/* for and tablerow (loop.c) */
extern void RenderFor(Renderer *r, const MessageNode *node);
extern void RenderTablerow(Renderer *r, const MessageNode *node);

static inline MessageSlice
NodeText(const Renderer *r, const MessageNode *node)
{
	return MessageSliceOf(MessageText(r->template) + node->offset,
						  node->length);
}

#endif							/* PERSONA_RENDER_H */
