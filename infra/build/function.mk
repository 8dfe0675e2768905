# SAM builds the functions by this: each one static binary, stripped, without
# the RPC server of the old Lambda runtime. SAM has no way to give such flags to
# its own build of Go, nor to tell a Makefile the processor, so that each has its own.
build = CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH) go build -tags lambda.norpc -trimpath -buildvcs=false -ldflags "-s -w" \
	-o "$(ARTIFACTS_DIR)/bootstrap"

build-Function: # of template.yaml
	$(build) .

build-Audit: # of infra/audit/template.yaml
	$(build) ./infra/audit
