/*
 * branch.h: the boolean structure of a rule, and what becomes of the whole
 * when a part of it answers otherwise: what preview.c and explain.c share.
 */
#ifndef PERSONA_RULE_BRANCH_H
#define PERSONA_RULE_BRANCH_H

#include "rule/rule.h"

/* SQL's three truth values; ABSENT stands for a part that is left out. */
typedef enum
{
	RULE_FALSE, RULE_UNKNOWN, RULE_TRUE, RULE_ABSENT
} RuleAnswer;

typedef enum
{
	RULE_LEAF,					/* a clause without AND, OR, NOT */
	RULE_AND,
	RULE_OR,
	RULE_NOT,
	RULE_SEGMENT				/* segment(name), its rule the only part */
} RuleBranchKind;

typedef struct RuleBranch
{
	RuleBranchKind kind;
	Node	   *node;			/* its raw tree */
	int			number;			/* its place in the list of all, from 0 */
	char	   *path;			/* 1 is the whole, 1.2 its second part */
	char	   *text;			/* canonical */
	struct RuleBranch *parent;
	RuleAnswer	answer;			/* for the subject that is looked at */
	int			answers[3];		/* how many of its parts answer what */
} RuleBranch;

/*
 * All branches of a rule, each before its parts; the first is the whole. With
 * a space the segments in it are opened up; without, they are leaves.
 */
extern List *RuleBranches(const char *text, const Space *space);

/* Answers every branch, once the leaves have answers. */
extern void RuleAnswerBranches(List *branches);

/* A branch's answer with AND read as OR, or OR as AND. */
extern RuleAnswer RuleSwapped(const RuleBranch *branch);

/* The answer of the whole if the branch answered that. */
extern RuleAnswer RuleRevised(const RuleBranch *branch, RuleAnswer answer);

/* The text with AND read as OR, or OR as AND, at its top. */
extern char *RuleSwappedText(const RuleBranch *branch);

/* Columns, aggregates and segments in a raw tree; List of Node *. */
extern List *RuleValues(Node *node);

/*
 * What a clause compares: the sides of an operator, constants left out; of any
 * other clause the values in it. List of char *, canonical texts.
 */
extern List *RuleSides(Node *clause);

/* Whether the clause is unknown exactly where one of its sides is NULL. */
extern bool RuleIsStrict(Node *clause);

#endif							/* PERSONA_RULE_BRANCH_H */
