/*
 * tcf.h: what a consent banner wrote down, decoded.
 */
#ifndef PERSONA_TCF_H
#define PERSONA_TCF_H

#include "base/persona.h"

/*
 * Appends the decoded TCF string (version 2) as JSON. A malformed one is an
 * error that says where, not what.
 */
extern void ConsentTcf(const char *text, StringInfo out);

#endif							/* PERSONA_TCF_H */
