package infra_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// services maps each resource type in the templates to the services and single actions that
// the deployer's policy must have for it. SAM expands each of its own types into several
// resources.
var services = map[string][]string{
	"AWS::Serverless::Function":     {"lambda", "codedeploy", "iam", "events"},
	"AWS::Serverless::HttpApi":      {"apigateway"},
	"AWS::IAM::Role":                {"iam"},
	"AWS::DynamoDB::Table":          {"dynamodb", "kms"},
	"AWS::Logs::LogGroup":           {"logs"},
	"AWS::CloudWatch::Alarm":        {"cloudwatch"},
	"AWS::SNS::Topic":               {"sns"},
	"AWS::CloudWatch::Dashboard":    {"cloudwatch"},
	"AWS::ApiGatewayV2::DomainName": {"apigateway", "iam:CreateServiceLinkedRole"},
	"AWS::ApiGatewayV2::ApiMapping": {"apigateway"},
	"AWS::Lambda::Permission":       {"lambda"},
	"AWS::Pipes::Pipe":              {"pipes"},
	"AWS::SQS::Queue":               {"sqs"},
}

// The deployer's policy covers every type of resource in the templates, is small enough for
// a managed policy, and grants no access to rows.
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
	assert.LessOrEqual(t, compact.Len(), 6144, "the maximum length of a managed policy")

	covered := map[string]bool{}
	for _, statement := range policy.Statement {
		for _, action := range statement.Action {
			service, name, _ := strings.Cut(action, ":")
			covered[service], covered[action] = true, true
			if service == "dynamodb" {
				assert.NotRegexp(t, `^\*|Item|DeleteTable|Query|Scan|PartiQL|^Execute`, name)
			}
		}
	}
	for _, path := range []string{"../template.yaml", "audit/template.yaml", "events/template.yaml"} {
		for name, kind := range kindsOf(t, path) {
			require.Contains(t, services, kind, "services must list the services that create %s", name)
			for _, service := range services[kind] {
				assert.True(t, covered[service], "deployer.json has no action of %s, for %s", service, name)
			}
		}
	}
}

func kindsOf(t *testing.T, path string) map[string]string {
	t.Helper()
	kinds := map[string]string{}
	for name, resource := range dig(readYAML(t, path), "Resources").(map[string]any) {
		kinds[name] = dig(resource, "Type").(string)
	}
	require.NotEmpty(t, kinds)
	return kinds
}
