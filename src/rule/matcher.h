/*
 * matcher.h: many conditions over many rows, without trying each on each.
 *
 * An input is a value of a row, known to the matcher only by its position: the
 * place that it has among the values which conditions ask about, or no place
 * where it is NULL. A node is a set of the rows of one block: those whose input
 * is at a position or up to it, or a combination of other nodes. Nodes that
 * are the same are made once, whoever asks for them.
 *
 * An eager input has its positions put before a block is matched; a lazy one is
 * asked for row by row, and only where the answer still matters. That is how
 * b <> 0 AND a / b > 2 divides by no zero: for an AND the second part is asked
 * for no row of which the first is not in the set already, for an OR for none
 * of which it is.
 *
 * Truth has two values here. Three-valued logic is the business of the
 * caller, who has one node for "true" and another for "false".
 */
#ifndef PERSONA_RULE_MATCHER_H
#define PERSONA_RULE_MATCHER_H

#include "base/compat.h"

#define MATCHER_ROWS 512
#define MATCHER_WORDS (MATCHER_ROWS / 64)

/* The position of NULL. */
#define MATCHER_NULL (-1)

typedef uint64 MatcherSet[MATCHER_WORDS];

typedef struct Matcher Matcher;

/* The position of a lazy input of a row; may raise an error. */
typedef int (*MatcherAsk) (void *arg, int input, int row);

/* Two nodes that always exist: no row, and every row. */
#define MATCHER_NONE 0
#define MATCHER_ALL 1

extern Matcher *MatcherCreate(MatcherAsk ask, void *arg);

/* An input with positions 0 .. npositions - 1; returns its number. */
extern int	MatcherInput(Matcher *matcher, int npositions, bool lazy);

/* The rows whose input is at the position, up to it, or not NULL. */
extern int	MatcherAt(Matcher *matcher, int input, int position);
extern int	MatcherUpTo(Matcher *matcher, int input, int position);
extern int	MatcherKnown(Matcher *matcher, int input);

/* What is in both, in either, not in it; the first is asked first. */
extern int	MatcherAnd(Matcher *matcher, int a, int b);
extern int	MatcherOr(Matcher *matcher, int a, int b);
extern int	MatcherNot(Matcher *matcher, int a);

/* Whether any part of the node is lazy. */
extern bool MatcherIsLazy(const Matcher *matcher, int node);

/* No more nodes follow: lays out what a block needs. */
extern void MatcherReady(Matcher *matcher);

/* A block: the positions of its eager inputs, then its nodes that are eager. */
extern void MatcherPut(Matcher *matcher, int input, int row, int position);
extern void MatcherBlock(Matcher *matcher, int nrows);

/* The rows of a node of the block at hand; asks where it is lazy. */
extern const uint64 *MatcherRows(Matcher *matcher, int node);

/* Whether one row is in a node's set; asks for no other row. */
extern bool MatcherHas(Matcher *matcher, int node, int row);

#endif							/* PERSONA_RULE_MATCHER_H */
