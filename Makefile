# persona. `make demo` shows it, `make test` tests it; both do their own set-up.
# `make && make install PG_CONFIG=...` builds and installs it like any extension.

# `make demo DATA=folder`: the word is PGXS's too, so the folder is put by.
SHOP := $(if $(filter environment% command%,$(origin DATA)),DATA='$(DATA)')
unexport DATA

# The version lives in META.json and nowhere else.
EXTENSION   = persona
EXTVERSION  = $(shell awk -F'"' '$$2 == "version" { print $$4; exit }' META.json)
MODULE_big  = persona
OBJS        = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
override DATA := $(wildcard sql/persona--*--*.sql)
DATA_built  = persona--$(EXTVERSION).sql
EXTRA_CLEAN = persona.control

# Every warning is an error, in our own sources: the server's headers are the
# system's. Three of -Wextra stay off: a callback's arguments are given, used or
# not; lengthof() is unsigned and loops are int; what an initializer leaves out
# is zero.
PG_CPPFLAGS = -I$(srcdir)/src -isystem $(includedir_server) -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers

REGRESS        = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS   = --inputdir=test --load-extension=persona
ISOLATION      = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = $(REGRESS_OPTS) --outputdir=.
TAP_TESTS      = 1
PROVE_TESTS    = $(sort $(wildcard test/t/*.pl))

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
# Bitcode, for JIT, is made by the clang that made the server's, where it is.
CLANG_OF_SERVER := $(shell sed -n 's/^CLANG *= *//p' $(dir $(PGXS))../Makefile.global)
ifeq ($(shell command -v $(CLANG_OF_SERVER) 2>/dev/null),)
override with_llvm = no
endif
include $(PGXS)
all: persona.control
else
all install installcheck clean:
	@echo "There is no PostgreSQL to build for at PG_CONFIG=$(PG_CONFIG): name another, or let 'make deps' install one."; exit 1
endif

$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*/*.h)

# The install script is the modules, in the order of their numbers.
persona--$(EXTVERSION).sql: $(sort $(wildcard sql/[0-9][0-9]-*.sql)) META.json
	cat $(filter %.sql,$^) > $@

persona.control: persona.control.in META.json
	sed 's/@VERSION@/$(EXTVERSION)/' $< > $@

.PHONY: deps demo test nightly fuzz bench lint floors catalog indent

deps:
	@test/deps.sh >/dev/null

demo:
	@$(SHOP) test/server.sh demo/run

# ONLY="regress documents" runs some of the kinds of test.
test:
	@test/deps.sh --tests >/dev/null
	@test/server.sh test/run.sh $(ONLY)

# What takes too long for every change.
nightly:
	@test/server.sh test/nightly.sh

# The kernels with inputs that nobody thought of: make fuzz FOR=600, in seconds.
fuzz:
	@test/fuzz/run $(FOR)

bench:
	@test/server.sh bench/run

lint: floors catalog
	@test/lint.sh
	@test/static.sh
	@test/indent.sh --check

floors:
	@test/floors.sh

# The laws over the catalog are pgTAP, as they need a server to ask.
catalog:
	@test/server.sh test/run.sh pgtap

indent:
	@test/indent.sh
