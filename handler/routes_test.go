package handler_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"onewrite/handler"
)

// openapi.yaml and template.yaml must have the routes in routes.go and no others.
// infra/proof/sam/expand.py relies on that: it takes the routes from template.yaml.
func TestRoutesAreDescribedAndDeployed(t *testing.T) {
	t.Parallel()
	d := readDescription(t)
	template := readTemplate(t)
	has := map[string][]string{}
	for _, o := range d.operations {
		has["handler/openapi.yaml"] = append(has["handler/openapi.yaml"], o.route)
	}
	for name, event := range template.Resources.Function.Properties.Events {
		assert.Equal(t, "HttpApi", event.Type, "template.yaml, the function's event %s", name)
		const events = "template.yaml, the function's Events"
		has[events] = append(has[events], event.Properties.Method+" "+event.Properties.Path)
	}
	// The APIs must have no OPTIONS route and no ANY route. Such a route would get the
	// preflight requests that API Gateway answers itself.
	for name, api := range map[string]httpAPI{"Api": template.Resources.Api, "ServiceApi": template.Resources.ServiceApi} {
		name = "template.yaml, the DefinitionBody of " + name
		for path, methods := range api.Properties.DefinitionBody.Paths {
			for method := range methods {
				has[name] = append(has[name], strings.ToUpper(method)+" "+path)
			}
		}
	}
	assert.Len(t, has, 4)
	for document, all := range has {
		assert.ElementsMatch(t, handler.Routes(), all, "handler/routes.go (A) and %s (B)", document)
	}
}

type httpAPI struct {
	Properties struct {
		DefinitionBody struct {
			Paths map[string]map[string]yaml.Node `yaml:"paths"`
		} `yaml:"DefinitionBody"`
	} `yaml:"Properties"`
}

// template is the part of template.yaml that these tests read.
type template struct {
	Parameters map[string]struct {
		Default       string                  `yaml:"Default"`
		AllowedValues []handler.Authorization `yaml:"AllowedValues"` // read only for the parameter Authorization
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
		Api        httpAPI `yaml:"Api"`        //nolint:revive // names of resources in template.yaml
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
