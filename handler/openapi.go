package handler

import _ "embed" // for openapi.yaml

// OpenAPI is the contract that the handler keeps, as an OpenAPI 3.1 document.
// Nothing of the function uses it, so the linker leaves it out.
//
//go:embed openapi.yaml
var OpenAPI string
