# One command each: make, make test, make demo, make bench, make install, make deb,
# make rpm.
# Needed beforehand: Go, make, a C compiler. The rest is installed by
# `bin/lab prepare` (Debian packages, as root) and by Go (modules).

VERSION := $(shell sed -n '1s/^ipsecif \([^ ]*\).*/\1/p' CHANGES)
PREFIX  ?= /usr
# Seed of the random files that are compared with libreswan's reader. The same
# for everyone, so that a failure is the fault of a change; try others by hand.
SEED     ?= 1753258513418803

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Packages whose tests run inside the lab: those that use its hosts.
LAB_PACKAGES = $(shell go list -f '{{$$p := .}}{{range .TestImports}}{{if eq . "github.com/ipsecif/ipsecif/testing/lab/hosts"}}{{$$p.ImportPath}}{{end}}{{end}}{{range .XTestImports}}{{if eq . "github.com/ipsecif/ipsecif/testing/lab/hosts"}}{{$$p.ImportPath}}{{end}}{{end}}' ./...)

# Of these, the one that compares with libreswan's own reader: it needs the root
# filesystem but no kernel, and starts thousands of processes, which a guest
# does ten times as slowly.
DIFFERENTIAL = github.com/ipsecif/ipsecif/testing/differential
# Those that call make themselves, so that go cannot tell whether a result holds.
MADE = github.com/ipsecif/ipsecif/testing/packages github.com/ipsecif/ipsecif/testing/boot
# And those that need systemd as process 1.
SYSTEMD = github.com/ipsecif/ipsecif/testing/systemd

export CGO_ENABLED = 0

.PHONY: all
all: bin/ipsecif

.PHONY: bin/ipsecif bin/lab bin/demo bin/bench bin/confbench bin/scale bin/hook bin/daemonbench
bin/ipsecif:
	go build -trimpath -ldflags '-X main.version=$(VERSION)' -o $@ ./cmd/ipsecif
bin/lab:
	go build -o $@ ./testing/lab/cmd/lab
bin/demo:
	go build -o $@ ./testing/demo
bin/bench:
	go build -o $@ ./testing/bench
bin/confbench:
	go build -o $@ ./testing/differential/bench
bin/scale:
	go build -o $@ ./testing/bench/scale
bin/hook:
	go build -o $@ ./testing/bench/hook
bin/daemonbench:
	go build -o $@ ./testing/bench/daemon

# The kernel and the root filesystem that everything real needs.
.PHONY: lab
lab: bin/lab
	bin/lab prepare

.PHONY: test
test: check unit fuzz lab-test
	@echo "All tests passed."

.PHONY: check
check:
	@echo "== format, vet, staticcheck"
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

# What the tests need beside Go; the lab brings the rest itself.
.PHONY: tools
tools:
	@for tool in mandoc rpm; do \
		command -v $$tool >/dev/null || { echo "== installing $$tool"; apt-get -q update && apt-get -qy install $$tool; } || exit 1; \
	done

# Tests that need no kernel of their own; the launcher of the lab is one.
.PHONY: unit
unit: lab tools
	@echo "== tests of the pure parts, on the fake kernel, and of the lab's launcher"
	IPSECIF_TEST_REQUIRE=lab go test $(filter-out $(LAB_PACKAGES) $(MADE),$(shell go list ./...))
	@echo "== packages, and a machine that installs one and boots"
	IPSECIF_TEST_REQUIRE=lab go test -count=1 -p 1 $(MADE)

# How often each fuzz target is called, some seconds' worth; FUZZ_TIMES of that. A
# count, because Go below 1.27 may take the end of a time for a failure
# (golang.org/issue/75804).
FUZZ_TIMES ?= 1
FUZZ = case $$f in \
	FuzzConverge) n=20;; \
	FuzzParse|FuzzLines|FuzzMessage|FuzzHookEnv) n=5000;; *) n=50000;; esac

# A crasher is written to testdata/fuzz.
.PHONY: fuzz
fuzz:
	@echo "== fuzz targets"
	@for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			$(FUZZ); \
			go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $$((n * $(FUZZ_TIMES)))x $$p || exit 1; \
		done; \
	done

# Tests on a kernel with xfrm interfaces, with real IKE daemons. None may be
# skipped. Most of their time is waiting for daemons, so several wait at once.
.PHONY: lab-test
lab-test: lab bin/ipsecif
	@echo "== our reading of ipsec.conf beside libreswan's"
	IPSECIF_LAB_MODE=native IPSECIF_TEST_REQUIRE=lab IPSECIF_BIN=$(CURDIR)/bin/ipsecif go test -count=1 -exec '$(CURDIR)/bin/lab exec' $(DIFFERENTIAL) -differential.seed=$(SEED)
	@echo "== contract with the real kernel, and scenarios with real IKE daemons"
	IPSECIF_TEST_REQUIRE=lab IPSECIF_BIN=$(CURDIR)/bin/ipsecif go test -p 1 -parallel 4 -timeout 20m -exec '$(CURDIR)/bin/lab exec --timeout 20m' $(filter-out $(DIFFERENTIAL) $(SYSTEMD),$(LAB_PACKAGES))
	@echo "== beside real systemd: its resolver, the bus and the journal"
	IPSECIF_TEST_REQUIRE=lab IPSECIF_BIN=$(CURDIR)/bin/ipsecif go test -count=1 -exec '$(CURDIR)/bin/lab exec -systemd' $(SYSTEMD)

.PHONY: demo
demo: lab bin/ipsecif bin/demo
	IPSECIF_BIN=$(CURDIR)/bin/ipsecif bin/lab run -- $(CURDIR)/bin/demo

.PHONY: bench
bench: lab bin/ipsecif bin/bench bin/confbench bin/scale bin/hook bin/daemonbench
	go test -run '^$$' -bench . ./...
	IPSECIF_BIN=$(CURDIR)/bin/ipsecif bin/lab run -- $(CURDIR)/bin/bench
	IPSECIF_BIN=$(CURDIR)/bin/ipsecif bin/lab run --timeout 30m -- $(CURDIR)/bin/scale
	bin/lab run --mode native -- $(CURDIR)/bin/scale -links
	IPSECIF_BIN=$(CURDIR)/bin/ipsecif bin/lab run --timeout 30m --mode native -- $(CURDIR)/bin/hook
	IPSECIF_BIN=$(CURDIR)/bin/ipsecif bin/lab run --timeout 30m -- $(CURDIR)/bin/hook -n 10 -conns 1000
	IPSECIF_BIN=$(CURDIR)/bin/ipsecif bin/lab run --timeout 30m -- $(CURDIR)/bin/daemonbench
	IPSECIF_BIN=$(CURDIR)/bin/ipsecif bin/lab run -systemd --timeout 30m -- $(CURDIR)/bin/daemonbench -networkd -conns 200
	IPSECIF_BIN=$(CURDIR)/bin/ipsecif bin/lab run --mode native -- $(CURDIR)/bin/confbench

# Where zsh finds completions: on Debian it is vendor-completions.
ZSH_COMPLETIONS ?= site-functions

# The one list of files, of which the packages are made too.
.PHONY: install
install: DOC = $(DESTDIR)$(PREFIX)/share/doc/ipsecif
install: bin/ipsecif
	install -D -m 755 bin/ipsecif $(DESTDIR)$(PREFIX)/sbin/ipsecif
	install -d $(DESTDIR)$(PREFIX)/libexec/ipsecif $(DESTDIR)/etc/ipsecif/hooks.d
	ln -sf ../../sbin/ipsecif $(DESTDIR)$(PREFIX)/libexec/ipsecif/updown
	for unit in ipsecif.service ipsecif@.service; do \
		install -D -m 644 systemd/units/$$unit $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit && \
		sed -i 's,/usr/sbin/,$(PREFIX)/sbin/,' $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit 1; \
	done
	install -D -m 644 systemd/neighbours/60-ipsecif-unmanaged.network $(DESTDIR)$(PREFIX)/lib/systemd/network/60-ipsecif-unmanaged.network
	install -D -m 644 systemd/neighbours/networkmanager.conf $(DESTDIR)$(PREFIX)/lib/NetworkManager/conf.d/ipsecif.conf
	for example in systemd/units/netns.conf systemd/units/resolv-conf.conf systemd/neighbours/networkd-foreign.conf; do \
		install -D -m 644 $$example $(DOC)/examples/$${example##*/} || exit 1; \
	done
	install -D -m 644 systemd/dbus/io.github.ipsecif.Ipsecif1.conf $(DESTDIR)$(PREFIX)/share/dbus-1/system.d/io.github.ipsecif.Ipsecif1.conf
	install -D -m 644 systemd/dbus/io.github.ipsecif.policy $(DESTDIR)$(PREFIX)/share/polkit-1/actions/io.github.ipsecif.policy
	install -D -m 644 routing/rt_protos.d/ipsecif.conf $(DESTDIR)/etc/iproute2/rt_protos.d/ipsecif.conf
	for page in $(wildcard cmd/ipsecif/*.[1-8] conn/*.[1-8]); do \
		to=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}.gz && install -D -m 644 /dev/null $$to && gzip -9n <$$page >$$to || exit 1; \
	done
	for to in bash:bash-completion/completions/ipsecif zsh:zsh/$(ZSH_COMPLETIONS)/_ipsecif fish:fish/vendor_completions.d/ipsecif.fish; do \
		install -D -m 644 /dev/null $(DESTDIR)$(PREFIX)/share/$${to#*:} && bin/ipsecif completion $${to%%:*} >$(DESTDIR)$(PREFIX)/share/$${to#*:} || exit 1; \
	done
	install -D -m 644 README.md $(DOC)/README.md
	install -D -m 644 /dev/null $(DOC)/changelog.gz && gzip -9n <CHANGES >$(DOC)/changelog.gz
	install -D -m 644 /dev/null $(DOC)/copyright && systemd/package/copyright.sh >$(DOC)/copyright

# A package is what `make install` installs, at $(PACKAGES)/ipsecif.deb and .rpm.
# Made twice of one commit it is the same.
NFPM      := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
PACKAGES  ?= $(CURDIR)/bin
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)

.PHONY: deb rpm
deb: ZSH_COMPLETIONS = vendor-completions
deb rpm: bin/ipsecif
	rm -rf $(PACKAGES)/$@.root
	$(MAKE) install PREFIX=/usr DESTDIR=$(PACKAGES)/$@.root ZSH_COMPLETIONS=$(ZSH_COMPLETIONS)
	VERSION=$(VERSION) ARCH=$$(go env GOARCH) ROOT=$(PACKAGES)/$@.root SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) \
		go run $(NFPM) package --config systemd/package/nfpm.yaml --packager $@ --target $(PACKAGES)/ipsecif.$@

.PHONY: clean
clean:
	rm -rf bin
