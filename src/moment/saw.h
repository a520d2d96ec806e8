/*
 * saw.h: what a gate saw, as JSON.
 *
 * It is written for every decision and read for few, so it goes down once, as
 * the text that it is, into one buffer for all gates; nothing takes it apart
 * before somebody asks. Keys are plain words and are not quoted any further.
 */
#ifndef PERSONA_MOMENT_SAW_H
#define PERSONA_MOMENT_SAW_H

#include "moment/gate.h"

#include "lib/stringinfo.h"

/* A gate's object and its end, with the reason where it closed, else NULL. */
extern void SawBegin(StringInfo json, const char *gate);
extern void SawEnd(StringInfo json, const char *reason);

/* A member: its key, for a value that the caller appends, or all of it. */
extern void SawKey(StringInfo json, const char *key);
extern void SawBool(StringInfo json, const char *key, bool value);
extern void SawTruth(StringInfo json, const char *key, MomentTruth truth);
extern void SawCount(StringInfo json, const char *key, int64 n);
extern void SawNumber(StringInfo json, const char *key, double value);
extern void SawTime(StringInfo json, const char *key, TimestampTz t);

/* None where the text is NULL. */
extern void SawText(StringInfo json, const char *key, const char *value);
extern void SawList(StringInfo json, const char *key, List *texts);

/* { of an object in an array. */
extern void SawItem(StringInfo json);

#endif							/* PERSONA_MOMENT_SAW_H */
