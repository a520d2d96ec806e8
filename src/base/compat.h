/*
 * compat.h: every difference between PostgreSQL's major versions, in one
 * place. No other file tests PG_VERSION_NUM; what differs is named here by
 * what persona wants, not by the version that offers it.
 */
#ifndef PERSONA_COMPAT_H
#define PERSONA_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "persona needs PostgreSQL 15 or later"
#endif

#include "utils/datetime.h"
#include "utils/guc.h"

/* 16 gave the sizes of variable-length values a header of their own. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 18 writes it so, before the function. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 16 keeps what the check of a setting found in memory of its own. */
#if PG_VERSION_NUM >= 160000
#define CompatSettingMemory(size) guc_malloc(LOG, size)
#define CompatSettingFree(memory) guc_free(memory)
#else
#define CompatSettingMemory(size) malloc(size)
#define CompatSettingFree(memory) free(memory)
#endif

/* 16 added a place for the time zone abbreviation that could not be read. */
static inline int
CompatDecodeDateTime(char **field, int *ftype, int nf, int *dtype,
					 struct pg_tm *tm, fsec_t *fsec, int *tz)
{
#if PG_VERSION_NUM >= 160000
	DateTimeErrorExtra extra;

	return DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz, &extra);
#else
	return DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz);
#endif
}

/* 16 added the argument that says only summarizing indexes need an update. */
#if PG_VERSION_NUM >= 160000
#define CompatInsertIndexTuples(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false)
#else
#define CompatInsertIndexTuples(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL)
#endif

/* 18 added which of OLD and NEW the columns are of; here none of them. */
#if PG_VERSION_NUM >= 180000
#define CompatExpandRTE(rte, varno, names, columns) \
	expandRTE(rte, varno, 0, VAR_RETURNING_DEFAULT, -1, true, names, columns)
#else
#define CompatExpandRTE(rte, varno, names, columns) \
	expandRTE(rte, varno, 0, -1, true, names, columns)
#endif

/* 18 asks every kind of index that has an order, and is called so. */
#if PG_VERSION_NUM >= 180000
#define CompatOrdersOf(operator) get_op_index_interpretation(operator)
#else
#define CompatOrdersOf(operator) get_op_btree_interpretation(operator)
#endif

/* 16 notes on a Var the outer joins that may have made it NULL. */
#if PG_VERSION_NUM >= 160000
#define CompatAddNullingRels(var, wrapper) \
	((var)->varnullingrels = bms_add_members((var)->varnullingrels, \
											 (wrapper)->phnullingrels))
#else
#define CompatAddNullingRels(var, wrapper) ((void) 0)
#endif

/* 16 lets the actions of a JSON parser fail by what they return. */
#if PG_VERSION_NUM >= 160000
#define CompatJsonAction JsonParseErrorType
#define CompatJsonDone() return JSON_SUCCESS
#else
#define CompatJsonAction void
#define CompatJsonDone() return
#endif

/* 18 has bytes, not characters, on the one side of Base64. */
#if PG_VERSION_NUM >= 180000
typedef uint8 CompatByte;
#else
typedef char CompatByte;
#endif

/* 17 can be given the memory of the context. */
#if PG_VERSION_NUM >= 170000
#define CompatMakeJsonLexContext(json) makeJsonLexContext(NULL, json, true)
#else
#define CompatMakeJsonLexContext(json) makeJsonLexContext(json, true)
#endif

#endif							/* PERSONA_COMPAT_H */
