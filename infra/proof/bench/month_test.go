package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestMonth(t *testing.T) {
	t.Parallel()
	tmpl := &template{}
	require.NoError(t, yaml.Unmarshal([]byte(`
Resources:
  Plain: {Type: "AWS::CloudWatch::Alarm", Properties: {MetricName: Errors, Threshold: 1}}
  Ratio:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics:
        - {Id: share, Expression: a / b}
        - {Id: a, MetricStat: {Metric: {MetricName: 5xx}}}
        - {Id: b, MetricStat: {Metric: {MetricName: Count}}}
  Board: {Type: "AWS::CloudWatch::Dashboard", Properties: {MetricName: none}}
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      AccessLogSettings: {Format: '{"a":"$context.identity.caller","b":"$context.path"}'}
      DefinitionBody: {paths: {/a: {get: {}}, "/b/{id}": {get: {}}}}
`), tmpl))
	assert.Equal(t, len(`{"a":"","b":""}`)+2*20, tmpl.accessLogBytes())

	metrics := metricNames{}
	line := func(route string) []byte {
		return []byte(`{"route":"` + route + `","_aws":{"CloudWatchMetrics":[{"Dimensions":[[],["route"]],"Metrics":[{"Name":"Read"},{"Name":"Latency"}]}]}}`)
	}
	require.NoError(t, metrics.add(line("/a")))
	require.NoError(t, metrics.add(line("/b")))
	require.NoError(t, metrics.add(line("/b")))
	assert.Error(t, metrics.add([]byte("no JSON")))

	p := prices{PerAlarmMetricMonth: 1, PerDashboardMonth: 10, PerMetricMonth: 100, PerGBStoredMonth: 2, PerGBBackedUpMonth: 3}
	assert.Equal(t, &month{
		AlarmMetrics: 3, Dashboards: 1, Metrics: 6, RouteMetrics: 12,
		Idle: 13, Called: 1813, MillionPostingsGB: 0.5, Stored: 2.5,
	}, p.month(tmpl, metrics, 500))
}

// Nothing of what is looked for in template.yaml has moved from where it was.
func TestTemplateCosts(t *testing.T) {
	t.Parallel()
	tmpl, err := readTemplate()
	require.NoError(t, err)
	assert.Positive(t, tmpl.alarmMetrics())
	assert.Positive(t, tmpl.count("AWS::CloudWatch::Dashboard"))
	assert.Positive(t, tmpl.routes())
	assert.Positive(t, tmpl.accessLogBytes())
}
