package infra_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// services are those that make each kind of resource in template.yaml, by the
// names that IAM has for them. SAM makes more of its own kinds.
var services = map[string][]string{
	"AWS::Serverless::Function":  {"lambda", "codedeploy", "iam"},
	"AWS::Serverless::HttpApi":   {"apigateway"},
	"AWS::IAM::Role":             {"iam"},
	"AWS::DynamoDB::Table":       {"dynamodb", "kms"},
	"AWS::Logs::LogGroup":        {"logs"},
	"AWS::CloudWatch::Alarm":     {"cloudwatch"},
	"AWS::SNS::Topic":            {"sns"},
	"AWS::CloudWatch::Dashboard": {"cloudwatch"},
}

// The deployer's policy covers every kind of resource there is, fits into a
// managed policy, and touches no row.
func TestDeployerPolicy(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("deployer.json")
	require.NoError(t, err)
	var policy struct {
		Statement []struct{ Action []string }
	}
	require.NoError(t, json.Unmarshal(text, &policy))
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, text))
	assert.LessOrEqual(t, compact.Len(), 6144, "the most that a managed policy may have")

	covered := map[string]bool{}
	for _, statement := range policy.Statement {
		for _, action := range statement.Action {
			service, name, _ := strings.Cut(action, ":")
			covered[service] = true
			if service == "dynamodb" {
				assert.NotRegexp(t, `^\*|Item|DeleteTable|Query|Scan|PartiQL|^Execute`, name)
			}
		}
	}
	template, err := os.ReadFile("../template.yaml")
	require.NoError(t, err)
	var resources struct {
		Resources map[string]struct {
			Type string `yaml:"Type"`
		} `yaml:"Resources"`
	}
	require.NoError(t, yaml.Unmarshal(template, &resources))
	require.NotEmpty(t, resources.Resources)
	for name, resource := range resources.Resources {
		require.Contains(t, services, resource.Type, "say here who makes %s", name)
		for _, service := range services[resource.Type] {
			assert.True(t, covered[service], "deployer.json has no action of %s, for %s", service, name)
		}
	}
}
