package handler_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"onewrite/handler"
)

// A new route starts as an entry in routes.go. This test names the other places that
// lack it. infra/proof/sam/expand.py reads the paths from openapi.yaml.
func TestRoutesAreDescribedAndDeployed(t *testing.T) {
	t.Parallel()
	var routes []string
	for _, r := range handler.Routes() {
		routes = append(routes, r[0]+" "+r[1])
	}

	d, err := readDescription()
	require.NoError(t, err)
	var described []string
	for path, item := range d.document.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	assertRoutes(t, "handler/openapi.yaml", routes, described)

	template := readTemplate(t)
	var events, opened []string
	for name, event := range template.Resources.Function.Properties.Events {
		assert.Equal(t, "HttpApi", event.Type, "template.yaml, the function's event %s", name)
		events = append(events, event.Properties.Method+" "+event.Properties.Path)
	}
	assertRoutes(t, "template.yaml, in the function's Events,", routes, events)
	// A route for OPTIONS or for any method would take preflight requests from API Gateway.
	for path, methods := range template.Resources.Api.Properties.DefinitionBody.Paths {
		for method := range methods {
			opened = append(opened, strings.ToUpper(method)+" "+path)
		}
	}
	assertRoutes(t, "template.yaml, in the API's DefinitionBody,", routes, opened)
	var forServices []string
	for path, methods := range template.Resources.ServiceApi.Properties.DefinitionBody.Paths {
		for method := range methods {
			forServices = append(forServices, strings.ToUpper(method)+" "+path)
		}
	}
	assertRoutes(t, "template.yaml, in the DefinitionBody of the API for services,", routes, forServices)
}

// assertRoutes checks that a document has each of these routes once.
func assertRoutes(t *testing.T, document string, want, has []string) {
	t.Helper()
	for _, route := range want {
		assert.True(t, slices.Contains(has, route), "%s lacks %s of handler/routes.go", document, route)
	}
	for _, route := range has {
		assert.True(t, slices.Contains(want, route), "%s has %s, which handler/routes.go lacks", document, route)
	}
	slices.Sort(has)
	assert.Len(t, slices.Compact(slices.Clone(has)), len(has), "%s has one twice", document)
}

type httpAPI struct {
	Properties struct {
		DefinitionBody struct {
			Paths map[string]map[string]yaml.Node `yaml:"paths"`
		} `yaml:"DefinitionBody"`
	} `yaml:"Properties"`
}

// template is what these tests read of template.yaml.
type template struct {
	Parameters map[string]struct {
		Default       string                  `yaml:"Default"`
		AllowedValues []handler.Authorization `yaml:"AllowedValues"` // Authorization's
	} `yaml:"Parameters"`
	Resources struct {
		Function struct {
			Properties struct {
				Events map[string]struct {
					Type       string `yaml:"Type"`
					Properties struct {
						Method string `yaml:"Method"`
						Path   string `yaml:"Path"`
					} `yaml:"Properties"`
				} `yaml:"Events"`
			} `yaml:"Properties"`
		} `yaml:"Function"`
		Api        httpAPI `yaml:"Api"`        //nolint:revive // the resources' names
		ServiceApi httpAPI `yaml:"ServiceApi"` //nolint:revive
	} `yaml:"Resources"`
}

func readTemplate(t *testing.T) (read template) {
	t.Helper()
	source, err := os.ReadFile("../template.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(source, &read))
	return read
}
