# SAM builds each function with this file: one static, stripped binary without the RPC
# server of the old Lambda runtime. SAM's own Go build accepts no such flags. SAM does not
# pass the processor to a Makefile either, so each processor has its own Makefile.
build = CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH) go build -tags lambda.norpc -trimpath -buildvcs=false -ldflags "-s -w" \
	-o "$(ARTIFACTS_DIR)/bootstrap"

build-Function: # of template.yaml
	$(build) .

build-Audit: # of infra/audit/template.yaml
	$(build) ./infra/audit
