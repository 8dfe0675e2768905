package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// month is what a month takes besides its calls, in dollars.
type month struct {
	AlarmMetrics int     `json:"alarmMetrics"`
	Dashboards   int     `json:"dashboards"`
	Metrics      int     `json:"metrics"`      // of the log lines of the measured calls
	RouteMetrics int     `json:"routeMetrics"` // of the API, as it is called
	Idle         float64 `json:"idle"`
	Called       float64 `json:"called"` // idle, and the metrics

	MillionPostingsGB float64 `json:"millionPostingsGB"` // in table and index, of users and keys that are UUIDs
	Stored            float64 `json:"stored"`            // these, and their point-in-time recovery
}

// apiMetrics is how many metrics the detailed metrics of an HTTP API are, for
// each of its routes.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
const apiMetrics = 6

// month adds up a month. A metric costs for the hours in which it is written,
// so without calls there are none.
func (p prices) month(t *template, metrics metricNames, bytesPosted float64) *month {
	m := &month{
		AlarmMetrics:      t.alarmMetrics(),
		Dashboards:        t.count("AWS::CloudWatch::Dashboard"),
		Metrics:           len(metrics),
		RouteMetrics:      apiMetrics * t.routes(),
		MillionPostingsGB: bytesPosted / 1000,
	}
	m.Idle = float64(m.AlarmMetrics)*p.PerAlarmMetricMonth + float64(m.Dashboards)*p.PerDashboardMonth
	m.Called = m.Idle + float64(m.Metrics+m.RouteMetrics)*p.PerMetricMonth
	m.Stored = m.MillionPostingsGB * (p.PerGBStoredMonth + p.PerGBBackedUpMonth)
	return m
}

func (m *month) print(w io.Writer) {
	fmt.Fprintf(w, "idle: %d metrics with alarms, %d dashboard\t%.2f\t\n", m.AlarmMetrics, m.Dashboards, m.Idle)
	fmt.Fprintf(w, "while called: that, %d metrics of the log lines and %d of the routes\t%.2f\t\n", m.Metrics, m.RouteMetrics, m.Called)
	fmt.Fprintf(w, "a million postings kept, UUIDs: %.2f GB, and their recovery\t%.2f\t\n", m.MillionPostingsGB, m.Stored)
}

// metricNames are the different metrics that log lines write, by their names
// and the values of their dimensions. CloudWatch bills each.
type metricNames map[string]bool

// add adds the metrics of a line in the embedded metric format.
func (all metricNames) add(line []byte) error {
	var head struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	var values map[string]any
	if err := json.Unmarshal(line, &head); err != nil {
		return fmt.Errorf("log line: %w", err)
	}
	if err := json.Unmarshal(line, &values); err != nil {
		return fmt.Errorf("log line: %w", err)
	}
	for _, directive := range head.AWS.CloudWatchMetrics {
		for _, dimensions := range directive.Dimensions {
			by := []string{}
			for _, name := range dimensions {
				by = append(by, fmt.Sprintf("%s=%v", name, values[name]))
			}
			slices.Sort(by)
			for _, metric := range directive.Metrics {
				all[metric.Name+" "+strings.Join(by, " ")] = true
			}
		}
	}
	return nil
}

// template is template.yaml, as far as it costs by the month or the line.
type template struct {
	Resources map[string]struct {
		Type       string    `yaml:"Type"`
		Condition  string    `yaml:"Condition"` // a parameter's, whose default makes none
		Properties yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

// readTemplate reads template.yaml at the root of the module, of which the
// working directory is a part.
func readTemplate() (*template, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "template.yaml"))
		if err == nil {
			t := &template{}
			return t, yaml.Unmarshal(text, t)
		}
		if dir == filepath.Dir(dir) {
			return nil, fmt.Errorf("run in the repository: %w", err)
		}
		dir = filepath.Dir(dir)
	}
}

func (t *template) count(kind string) (n int) {
	for _, r := range t.Resources {
		if r.Type == kind {
			n++
		}
	}
	return n
}

// alarmMetrics returns how many metrics the alarms watch that every stack has: an
// alarm costs for each.
func (t *template) alarmMetrics() (n int) {
	for _, r := range t.Resources {
		if r.Type == "AWS::CloudWatch::Alarm" && r.Condition == "" {
			n += len(find(&r.Properties, "MetricName"))
		}
	}
	return n
}

// routes returns how many routes the API has.
func (t *template) routes() int {
	for _, r := range t.Resources {
		if paths := find(&r.Properties, "paths"); r.Type == "AWS::Serverless::HttpApi" && len(paths) == 1 {
			return len(paths[0].Content) / 2
		}
	}
	return 0
}

// accessLogVariable is a variable of the access log's format.
var accessLogVariable = regexp.MustCompile(`\$context\.[\w.]+`)

// accessLogBytes returns about what a line of the access log has, at 20 bytes for
// the value of a variable.
func (t *template) accessLogBytes() int {
	for _, r := range t.Resources {
		if formats := find(&r.Properties, "Format"); r.Type == "AWS::Serverless::HttpApi" && len(formats) == 1 {
			return len(accessLogVariable.ReplaceAllString(formats[0].Value, strings.Repeat("v", 20)))
		}
	}
	return 0
}

// find returns the values of a key, wherever it stands below the node.
func find(node *yaml.Node, key string) (values []*yaml.Node) {
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 1 && node.Content[i-1].Value == key {
			values = append(values, child)
			continue
		}
		values = append(values, find(child, key)...)
	}
	return values
}
