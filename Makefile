# nvmpool: one non-recursive Makefile.  `make help` lists the targets.
# Results go to $(BUILD).  Variables: CC, BUILD, PREFIX, DESTDIR,
# SANITIZE=address,undefined (or thread), COVERAGE=1, WERROR=1, V=1 (show commands);
# KILLS=2000 (and KILLS_SEED=) for more kills of a guest in check-vm, DISK_KILLS=200 for more
# of those with the module, KERNELS=debug for others of these, TEST_LIMIT= seconds.

Q   := $(if $(V),,@)
SAY := @$(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),:,printf '  %-4s %s\n')
MAKEFLAGS += --no-builtin-rules
SHELL     := /bin/bash

VERSION   := 0.1.0
BUILD     ?= build
PREFIX    ?= /usr/local
DESTDIR   ?=
CC        := $(if $(filter default,$(origin CC)),gcc,$(CC))

PKGS      := libpmem2 libndctl libdaxctl json-c smartcols blkid libisal glib-2.0 libxml-2.0
LIB_PKGS  := libpmem2 libndctl libdaxctl blkid libisal
PKG_CONFIG ?= pkg-config

WARN      := -Wall -Wextra -Wconversion -Wshadow -Wcast-qual \
             -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wundef
CFLAGS    ?= -O2 -g
CPPFLAGS_ALL := -I. -Ilibcore -I$(BUILD) -D_GNU_SOURCE -DNVMPOOL_VERSION='"$(VERSION)"'
CFLAGS_ALL    = -std=gnu17 $(WARN) -fno-strict-aliasing -MMD -MP $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL   = $(LDFLAGS)
ifdef WERROR
CFLAGS_ALL += -Werror
endif
ifdef SANITIZE
CFLAGS_ALL  += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS_ALL += -fsanitize=$(SANITIZE)
endif
ifdef COVERAGE
CFLAGS_ALL  += --coverage -O0
LDFLAGS_ALL += --coverage
endif

# The packages' flags are looked up once, when something is compiled.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PKGS) | sed 's/-I/-isystem /g'))$(PKG_CFLAGS)
LIB_LIBS   = $(eval LIB_LIBS := $$(shell $(PKG_CONFIG) --libs $(LIB_PKGS)))$(LIB_LIBS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell $(PKG_CONFIG) --libs $(PKGS)) -lm)$(PKG_LIBS)

# ---- sources ---------------------------------------------------------------

CORE_SRC   := $(wildcard $(foreach d,base pool vdisk wear,libcore/$(d)/*.c))
HOSTED_SRC := $(wildcard libcore/hosted/*.c)
GLUE_SRC   := $(wildcard qemu-glue/*.c)
TOOL_NAMES := $(basename $(notdir $(wildcard cli/nvmpool.c cli/nvmvd.c cli/nvmwear.c cli/nvmtorture.c)))
MAIN_SRC   := $(TOOL_NAMES:%=cli/%.c)
CLI_SRC    := $(filter-out $(MAIN_SRC),$(wildcard cli/*.c))
AGENT_SRC  := $(wildcard guest-agent/*.c)
TORTURE_SRC := $(wildcard tests/torture/*.c)
UNIT_SRC   := $(wildcard tests/unit/test_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB_OBJ  := $(call obj,$(CORE_SRC) $(HOSTED_SRC) $(GLUE_SRC) $(CLI_SRC))
TOOLS    := $(TOOL_NAMES:%=$(BUILD)/%)
PLUGIN   := $(BUILD)/nbdkit-nvmvd-plugin.so

# The library that others link: not the list of pools, which is the tools' own.
SOVERSION := 0
LIBRARY   := $(BUILD)/libnvmpool.so.$(VERSION)
LIBRARY_SRC := $(CORE_SRC) $(filter-out libcore/hosted/registry%,$(HOSTED_SRC))
LIBRARY_HEADERS := $(addprefix libcore/,$(addprefix base/,env.h error.h le.h media.h window.h) \
  pool/format.h pool/pool.h vdisk/format.h vdisk/vdisk.h wear/wear.h \
  $(addprefix hosted/,area.h arena.h backing.h discover.h failure.h lock.h stray.h))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRC))
BENCH_SRC := $(filter-out bench/core%,$(wildcard bench/*.c))
BENCH_CORE_SRC := $(wildcard bench/core*.c)

.DEFAULT_GOAL := all
.PHONY: all help deps demo check kernel-debug torture-deep bench-pool bench-pool-quick \
  bench-core bench-core-quick bench-core-instructions bench-guest bench-guest-quick test-programs lint install uninstall clean
.SECONDARY:

all: $(TOOLS) $(PLUGIN) $(LIBRARY) $(BUILD)/libnvmpool.a generated ## build tools, plugin, library, completions and manual pages (the default)

help: ## list the targets
	@awk -F':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# ---- building ----------------------------------------------------------------

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

# The guest that shows whether KVM works, carried in the tool.
$(BUILD)/probe-guest.elf: qemu-glue/probe/guest.S qemu-glue/probe/guest.ld $(BUILD)/flags
	$(SAY) LD $@
	$(Q)$(CC) -nostdlib -static -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack \
	  -T qemu-glue/probe/guest.ld -o $@ $<
$(BUILD)/obj/qemu-glue/probe_accel.o: $(BUILD)/probe-guest.elf
$(BUILD)/obj/qemu-glue/probe_accel.o: CPPFLAGS_ALL += -DPROBE_GUEST='"$(BUILD)/probe-guest.elf"'

# Rebuild when the flags change.
FLAGS_NOW = $(CC) $(CFLAGS) $(SANITIZE) $(COVERAGE) $(WERROR) $(VERSION)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@
.PHONY: FORCE

$(BUILD)/libnvmpool-all.a: $(LIB_OBJ)
	@rm -f $@
	$(SAY) AR $@
	$(Q)$(AR) rcs $@ $^
AR ?= ar

$(TOOLS): $(BUILD)/%: $(BUILD)/obj/cli/%.o $(BUILD)/libnvmpool-all.a
	$(SAY) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) $(LIBS)

# Its engine is the tests'; libdw turns call sites into lines.
$(BUILD)/nvmtorture: $(call obj,$(TORTURE_SRC))
$(BUILD)/nvmtorture: LIBS := -ldw

# ---- the library -----------------------------------------------------------------

$(BUILD)/obj/shared/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -fPIC -fno-semantic-interposition -ftls-model=initial-exec -c -o $@ $<

# Only what the public headers declare is to be seen from outside.
$(BUILD)/libnvmpool.exports: libcore/exports.awk $(LIBRARY_HEADERS)
	@mkdir -p $(@D)
	$(Q)awk -f $< $(filter-out %/env.h,$(LIBRARY_HEADERS)) > $@
$(BUILD)/libnvmpool.map: $(BUILD)/libnvmpool.exports
	$(Q){ echo 'LIBNVMPOOL_$(SOVERSION) { global:'; sed 's/$$/;/' $<; echo 'local: *; };'; } > $@

$(LIBRARY): $(patsubst %.c,$(BUILD)/obj/shared/%.o,$(LIBRARY_SRC)) $(BUILD)/libnvmpool.map
	$(SAY) LD $@
	$(Q)$(CC) -shared $(LDFLAGS_ALL) -Wl,-soname,libnvmpool.so.$(SOVERSION) \
	  -Wl,--version-script=$(filter %.map,$^) -o $@ $(filter %.o,$^) -Wl,--as-needed $(LIB_LIBS)

# nbdkit's, with names that do not meet those of other plugins and filters.
$(PLUGIN): $(patsubst %.c,$(BUILD)/obj/shared/%.o,$(LIBRARY_SRC) $(AGENT_SRC))
	$(SAY) LD $@
	$(Q)$(CC) -shared $(LDFLAGS_ALL) -Wl,--version-script=<(echo '{ global: plugin_init; local: *; };') \
	  -o $@ $^ -Wl,--as-needed $(LIB_LIBS)

# One object, so that the names that are not public do not meet the program's.
$(BUILD)/libnvmpool.a: $(call obj,$(LIBRARY_SRC)) $(BUILD)/libnvmpool.exports
	$(SAY) AR $@
	$(Q)$(LD) -r -o $(BUILD)/libnvmpool.o $(filter %.o,$^)
	$(Q)objcopy --keep-global-symbols=$(filter %.exports,$^) $(BUILD)/libnvmpool.o
	@rm -f $@
	$(Q)$(AR) rcs $@ $(BUILD)/libnvmpool.o

$(BUILD)/libnvmpool.pc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' 'libdir=$${prefix}/lib' '' \
	  'Name: libnvmpool' 'Description: pools and virtual disks on byte-addressable memory' \
	  'Version: $(VERSION)' 'Requires.private: $(LIB_PKGS)' 'Libs: -L$${libdir} -lnvmpool' \
	  'Libs.private: -pthread' 'Cflags: -I$${includedir}/nvmpool' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# ---- the tests' programs ----------------------------------------------------------

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(call obj,$(TORTURE_SRC) bench/counted.c bench/fill.c) $(BUILD)/libnvmpool-all.a
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka -ldw $(PKG_LIBS)

$(BUILD)/bench/pool: $(call obj,$(BENCH_SRC)) $(BUILD)/libnvmpool-all.a
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(BUILD)/bench/core: $(call obj,$(BENCH_CORE_SRC)) $(BUILD)/libnvmpool-all.a
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

# ---- tests -------------------------------------------------------------------

test-programs: all $(UNIT_BIN) $(BUILD)/tests/vm/poke $(BUILD)/tests/vm/churn \
  $(BUILD)/tests/vm/kills \
  $(BUILD)/tests/vm/kills-guest.elf $(BUILD)/bench/pool $(BUILD)/bench/core

deps: ## say what this machine lacks, by package name
	@.ci/deps show all

# Installing comes first and building in a make of its own: on a fresh machine
# there is no compiler yet when this one starts.
SUBMAKE = $(MAKE) --no-print-directory -j$(shell nproc) BUILD=$(BUILD)

demo: ## install what it needs, build, and show the main job in a real guest
	@.ci/deps install build demo
	+@$(SUBMAKE) -s all $(BUILD)/tests/vm/poke
	@BUILD=$(abspath $(BUILD)) tests/vm/demo

check: ## install what tests need, build, run every test
	@.ci/deps install build demo check
	+@$(SUBMAKE) -s test-programs
	@BUILD=$(abspath $(BUILD)) tests/run

check-%: FORCE ## one area of the tests: unit cli torture fuzz lint sanitize vm
	@.ci/deps install build demo check
	+@$(SUBMAKE) -s test-programs
	@BUILD=$(abspath $(BUILD)) tests/run $*

# For as long as TIME says, on all processors; what was found can be merged.
TIME ?= 3600
torture-deep: ## power losses for TIME seconds: harder, and other random ones (RESULTS=FILE)
	@.ci/deps install build
	+@$(SUBMAKE) -s $(BUILD)/nvmtorture
	$(BUILD)/nvmtorture run --effort 512 --time $(TIME) $(if $(RESULTS),--results $(RESULTS)) $(if $(SHARD),--shard $(SHARD))

kernel-debug: ## a guest kernel with KASAN and lockdep, for GUEST_KERNEL_SERIES=debug
	@.ci/deps install debug
	@.ci/kernel-debug

lint: check-lint ## the checks of the source: layers, freestanding core, shell, both compilers

bench-pool: ## what a pool costs as it grows, to 100,000 children and 64 TiB
	@.ci/deps install build
	+@$(SUBMAKE) -s all $(BUILD)/bench/pool
	@$(BUILD)/bench/pool $(BENCH_FLAGS) $(BUILD)/nvmpool

bench-pool-quick: BENCH_FLAGS := --quick
bench-pool-quick: bench-pool ## the same with fewer pools

bench-core: ## the virtual disk's speed against raw memory, memcpy and libpmemblk
	@.ci/deps install build
	@.ci/deps install bench || echo "nvmpool: going on without"
	+@$(SUBMAKE) -s $(BUILD)/bench/core
	@$(BUILD)/bench/core $(BENCH_CORE_FLAGS) --sync-dir $${TMPDIR:-$(BUILD)}

bench-core-quick: BENCH_CORE_FLAGS := --quick
bench-core-quick: bench-core ## the same on small areas, in fewer rounds

# valgrind knows no AVX-512, so these are the instructions of the paths for AVX2.
bench-core-instructions: ## how many instructions a 4 KiB write or read takes
	@.ci/deps install build bench
	+@$(SUBMAKE) -s $(BUILD)/bench/core
	@for work in write verified read; do \
	  valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=count_work \
	    $(BUILD)/bench/core --count $$work 4000 2>&1 | awk -v work=$$work \
	    '/Collected/ { printf "%s_instructions %.0f\n", work, $$4 / 4000; n = 1 } END { exit !n }' || exit; \
	done

# The settings and what is compared: bench/guest.
bench-guest: ## the virtual disk in a guest against virtio-blk, vhost-user-blk, raw pmem, BTT, DAX (BENCH_GUEST_FLAGS=-j)
	@.ci/deps install build demo check
	@.ci/deps install bench-guest || echo "nvmpool: going on without"
	+@$(SUBMAKE) -s all
	+@$(SUBMAKE) -s kmod KDIR=$$(.ci/guest-headers $(KERNEL)) >&2
	@BUILD=$(abspath $(BUILD)) bench/guest $(BENCH_GUEST_FLAGS) $(if $(KERNEL),--kernel $(KERNEL))

bench-guest-quick: BENCH_GUEST_FLAGS := --quick
bench-guest-quick: bench-guest ## the same with fewer patterns, in one round

# ---- guests without an operating system -------------------------------------------

# The core, the glue of guest-agent/libos and a program with libos_main().  General
# registers only: nothing here saves others, and CFLAGS may ask for them.
LIBOS_SRC    := $(wildcard guest-agent/libos/*.c) $(filter-out libcore/pool/%,$(CORE_SRC))
LIBOS_CFLAGS := -std=gnu17 $(WARN) -O2 -g -fno-strict-aliasing -ffreestanding -fno-pic -fno-pie \
  -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -mno-red-zone \
  -mgeneral-regs-only -ffunction-sections -fdata-sections $(if $(WERROR),-Werror)

$(BUILD)/obj/libos/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(CC) -I. -Ilibcore $(LIBOS_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/libos/%.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(SAY) AS $@
	$(Q)$(CC) -c -o $@ $<

$(BUILD)/tests/vm/kills-guest.elf: guest-agent/libos/libos.ld \
  $(patsubst %,$(BUILD)/obj/libos/%.o,$(basename guest-agent/libos/start.S $(LIBOS_SRC) tests/vm/kills/guest.c))
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) -nostdlib -static -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
	  -Wl,-z,noexecstack -Wl,--gc-sections -T $< -o $@ $(filter %.o,$^)

KILLS_SRC := $(filter-out %/guest.c,$(wildcard tests/vm/kills/*.c))
$(BUILD)/tests/vm/kills: $(call obj,$(KILLS_SRC))
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

# They run inside the tests' guests, which have no libraries.
$(BUILD)/tests/vm/poke $(BUILD)/tests/vm/churn: $(BUILD)/tests/vm/%: tests/vm/%.c
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) $(if $(WERROR),-Werror) $(CFLAGS) -static -pthread -o $@ $<

# ---- the module for guests ----------------------------------------------------------

# Against KDIR= (a kernel's headers), or KVER= (of a kernel of this machine), or
# those of the tests' guests.  The sources are mirrored by links, so that nothing
# is written beside them; BTF would need the kernel itself.
KMOD_SERIES := 6.12 6.1
KMOD_KDIRS = $(if $(KDIR),$(KDIR),$(if $(KVER),/lib/modules/$(KVER)/build,\
  $(foreach s,$(KMOD_SERIES),$(or $(shell .ci/guest-headers $(s)),no-headers-of-$(s)))))
.PHONY: kmod
kmod: ## build the guests' kernel module (KDIR= or KVER=; else for the tests' guests) in $(BUILD)/kmod/RELEASE
	+@set -e; for kdir in $(KMOD_KDIRS); do \
	  release=$$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' "$$kdir/include/generated/utsrelease.h"); \
	  place=$(abspath $(BUILD))/kmod/$$release; \
	  mkdir -p "$$place/src/guest-agent"; \
	  cp -rsf $(abspath libcore) "$$place/src/"; \
	  cp -rsf $(abspath guest-agent/kmod) "$$place/src/guest-agent/"; \
	  $(MAKE) -s --no-print-directory -C "$$kdir" M="$$place/src/guest-agent/kmod" \
	    NVMVD_VERSION=$(VERSION) WERROR=$(WERROR) CONFIG_DEBUG_INFO_BTF_MODULES= $(KMOD_FLAGS) modules; \
	  cp "$$place/src/guest-agent/kmod/nvmvd.ko" "$$place/nvmvd.ko"; \
	  echo "nvmpool: $$place/nvmvd.ko"; \
	done

# What DKMS builds it from, and the rule for its links; below $(DESTDIR), whatever PREFIX.
KMOD_SOURCES = $(wildcard $(foreach d,base vdisk wear,libcore/$(d)/*.[ch]) guest-agent/kmod/*.[ch]) \
  guest-agent/kmod/Kbuild LICENSE
KMOD_TREE = $(DESTDIR)/usr/src/nvmvd-$(VERSION)
.PHONY: install-dkms uninstall-dkms
install-dkms: ## install the module's sources for DKMS (then: dkms install nvmvd/VERSION) and its udev rule
	@set -e; for file in $(KMOD_SOURCES); do install -D -m 644 $$file "$(KMOD_TREE)/$$file"; done
	@sed 's/#MODULE_VERSION#/$(VERSION)/' guest-agent/kmod/dkms.conf > "$(KMOD_TREE)/dkms.conf"
	@install -D -m 644 guest-agent/kmod/60-nvmvd.rules "$(DESTDIR)/usr/lib/udev/rules.d/60-nvmvd.rules"
	@echo "nvmpool: the module's sources are in $(KMOD_TREE)"

uninstall-dkms: ## remove what install-dkms put there
	@rm -rf "$(KMOD_TREE)" "$(DESTDIR)/usr/lib/udev/rules.d/60-nvmvd.rules"

# ---- what comes from the option tables ------------------------------------------

MAN := $(patsubst docs/man/%.in,$(BUILD)/man/%,$(wildcard $(TOOL_NAMES:%=docs/man/%.1.in))) \
       $(addprefix $(BUILD)/man/,nvmpool-pool.5 nvmpool.7)
BASH_COMPLETIONS := $(TOOL_NAMES:%=$(BUILD)/completions/%)
ZSH_COMPLETIONS  := $(TOOL_NAMES:%=$(BUILD)/completions/_%)
FISH_COMPLETIONS := $(TOOL_NAMES:%=$(BUILD)/completions/%.fish)
COMPLETIONS := $(BASH_COMPLETIONS) $(ZSH_COMPLETIONS) $(FISH_COMPLETIONS)

.PHONY: generated completions
generated: $(MAN) $(COMPLETIONS)

$(BASH_COMPLETIONS): PRODUCT = bash
$(BASH_COMPLETIONS): $(BUILD)/completions/%: $(BUILD)/%
	$(GENERATE)
$(ZSH_COMPLETIONS): PRODUCT = zsh
$(ZSH_COMPLETIONS): $(BUILD)/completions/_%: $(BUILD)/%
	$(GENERATE)
$(FISH_COMPLETIONS): PRODUCT = fish
$(FISH_COMPLETIONS): $(BUILD)/completions/%.fish: $(BUILD)/%
	$(GENERATE)

define GENERATE
@mkdir -p $(@D)
$(Q)$(BUILD)/$* __generate $(PRODUCT) > $@.new && mv $@.new $@
endef

$(BUILD)/man/%.1: docs/man/%.1.in $(BUILD)/%
	@mkdir -p $(@D)
	$(Q)$(BUILD)/$* __generate man > $@.commands
	$(Q)sed -e '/@COMMANDS@/{r $@.commands' -e 'd}' $< > $@.new && rm $@.commands && mv $@.new $@

$(BUILD)/man/%: docs/man/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

completions: $(COMPLETIONS) ## bring the copies in completions/ up to date
	cp $^ completions/

# ---- installation ----------------------------------------------------------------

# What goes where, as FROM:TO below $(DESTDIR)$(PREFIX); uninstall reads it too.
DOCS := README.md LICENSE docs/design.md docs/format.md docs/crash-consistency.md docs/example.c
LIBRARY_LINKS := lib/libnvmpool.so.$(SOVERSION) lib/libnvmpool.so
INSTALLED = \
  $(foreach f,$(TOOLS),$(f):bin/$(notdir $(f))) \
  $(PLUGIN):lib/nvmpool/$(notdir $(PLUGIN)) \
  $(LIBRARY):lib/$(notdir $(LIBRARY)) \
  $(BUILD)/libnvmpool.a:lib/libnvmpool.a \
  $(BUILD)/libnvmpool.pc:lib/pkgconfig/libnvmpool.pc \
  $(foreach f,$(LIBRARY_HEADERS),$(f):include/nvmpool/$(f:libcore/%=%)) \
  $(foreach f,$(MAN),$(f):share/man/man$(subst .,,$(suffix $(f)))/$(notdir $(f))) \
  $(foreach f,$(BASH_COMPLETIONS),$(f):share/bash-completion/completions/$(notdir $(f))) \
  $(foreach f,$(ZSH_COMPLETIONS),$(f):share/zsh/site-functions/$(notdir $(f))) \
  $(foreach f,$(FISH_COMPLETIONS),$(f):share/fish/vendor_completions.d/$(notdir $(f))) \
  $(foreach f,$(DOCS),$(f):share/doc/nvmpool/$(notdir $(f)))

install: all $(BUILD)/libnvmpool.pc ## install tools, plugin, library, manual pages and completions below $(DESTDIR)$(PREFIX)
	@set -e; for pair in $(INSTALLED); do \
	  mode=644; case $$pair in *:bin/*) mode=755;; esac; \
	  install -D -m $$mode "$${pair%%:*}" "$(DESTDIR)$(PREFIX)/$${pair##*:}"; \
	done; \
	for link in $(LIBRARY_LINKS); do \
	  ln -sf $(notdir $(LIBRARY)) "$(DESTDIR)$(PREFIX)/$$link"; \
	done
	@[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || true
	@echo "nvmpool: installed below $(DESTDIR)$(PREFIX)"

uninstall: ## remove what install put there
	@for file in $(foreach f,$(INSTALLED),$(lastword $(subst :, ,$(f)))) $(LIBRARY_LINKS); do \
	  rm -f "$(DESTDIR)$(PREFIX)/$$file"; \
	done
	@rmdir "$(DESTDIR)$(PREFIX)"/include/nvmpool/{base,pool,vdisk,wear,hosted,} \
	  "$(DESTDIR)$(PREFIX)"/{share/doc,lib}/nvmpool 2>/dev/null || true

clean: ## remove what was built
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
