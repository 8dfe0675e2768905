package handler_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"onewrite/handler"
	"onewrite/ledger"
)

// description is openapi.yaml, prepared for checking calls and answers.
//
// kin-openapi reads and validates the document. Values are checked by the JSON Schema
// validator beneath it (draft 2020-12, with formats, and with numbers as written).
// kin-openapi's own check is not used: for a schema with a $ref it falls back to a
// validator that lacks propertyNames and reads numbers as floats. The rest of OpenAPI 3.1
// is checked elsewhere: examples and discriminators by .ci/spectral, links by
// .ci/schemathesis.
type description struct {
	document   *openapi3.T
	operations []*operation
	components any // the document's components, as JSON

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

func readDescription(t *testing.T) *description {
	t.Helper()
	return descriptionOf(t, ledger.DefaultSettings())
}

// descriptions caches the descriptions by their settings.
var descriptions sync.Map

func descriptionOf(t *testing.T, s ledger.Settings) *description {
	t.Helper()
	if known, ok := descriptions.Load(s.String()); ok {
		return known.(*description)
	}
	text := []byte(handler.Description(s))
	document, err := openapi3.NewLoader().LoadFromData(text)
	require.NoError(t, err)
	var source struct {
		Components any `yaml:"components"`
	}
	require.NoError(t, yaml.Unmarshal(text, &source))
	components, err := asJSON(source.Components)
	require.NoError(t, err)
	d := &description{document: document, operations: operationsOf(document), components: components, compiled: map[string]*jsonschema.Schema{}}
	known, _ := descriptions.LoadOrStore(s.String(), d)
	return known.(*description)
}

type operation struct {
	*openapi3.Operation
	route      string // method and path: "GET /transactions/{id}"
	parameters openapi3.Parameters
	targets    *regexp.Regexp // matches the operation's paths; its group is the id
}

func operationsOf(document *openapi3.T) (all []*operation) {
	for path, item := range document.Paths.Map() {
		targets := regexp.MustCompile("^" + strings.ReplaceAll(path, "{id}", "([^/]+)") + "$")
		for method, o := range item.Operations() {
			all = append(all, &operation{o, method + " " + path, slices.Concat(item.Parameters, o.Parameters), targets})
		}
	}
	return all
}

func (d *description) operationOf(r request) *operation {
	for _, o := range d.operations {
		if strings.HasPrefix(o.route, r.method+" ") && o.targets.MatchString(r.path()) {
			return o
		}
	}
	return nil
}

func (r request) path() string {
	path, _, _ := strings.Cut(r.target, "?")
	return path
}

// checkRequest returns the reason why the description forbids a request, or nil.
// Unknown members in the body and unknown parameters are allowed.
func (d *description) checkRequest(o *operation, r request) error {
	_, rawQuery, _ := strings.Cut(r.target, "?")
	query, err := url.ParseQuery(rawQuery)
	errs := []error{err}
	for _, parameter := range o.parameters {
		p := parameter.Value
		var sent []string
		switch p.In {
		case openapi3.ParameterInQuery:
			sent = query[p.Name]
		case openapi3.ParameterInHeader:
			if value, ok := r.header[p.Name]; ok {
				sent = []string{value}
			}
		case openapi3.ParameterInPath:
			sent = o.targets.FindStringSubmatch(r.path())[1:]
		}
		errs = append(errs, d.checkText(p.Name, p.Required, p.Schema, sent))
	}
	if o.RequestBody != nil && (o.RequestBody.Value.Required || r.body != "") {
		errs = append(errs, d.checkBody(o.RequestBody.Value.Content["application/json"].Schema, r.body, asItStands))
	}
	return errors.Join(errs...)
}

// checkAnswer returns the reason why the description forbids an operation's answer, or nil.
// Every member and header of the answer must be described.
func (d *description) checkAnswer(o *operation, a answer) error {
	kind := a.Header.Get("Content-Type")
	response := o.Responses.Status(a.Status)
	if response == nil {
		response = o.Responses.Default() // API Gateway's own answers
	}
	media := response.Value.Content[kind]
	if media == nil {
		return fmt.Errorf("content type %q is not described", kind)
	}
	errs := []error{d.checkBody(media.Schema, a.Body, closed)}
	header := a.Header.Clone()
	if a.Status < 400 || kind == "application/problem+json" {
		errs = append(errs, checkOwn(media, a))
		header.Del("Cache-Control")
	}
	for name, header := range response.Value.Headers {
		errs = append(errs, d.checkText(name, header.Value.Required, header.Value.Schema, a.Header.Values(name)))
	}
	for name := range header {
		described := response.Value.Headers[name] != nil || slices.Contains([]string{"Content-Type", "Content-Length", "Date"}, name)
		if !described {
			errs = append(errs, fmt.Errorf("header %s is not described", name))
		}
	}
	return errors.Join(errs...)
}

// checkOwn checks the parts of the ledger's own answers that no schema describes:
// Cache-Control, and a Problem's type, title and status. Schemas leave them out to keep
// generated clients simple.
func checkOwn(media *openapi3.MediaType, a answer) error {
	var errs []error
	if cached := a.Header.Values("Cache-Control"); !slices.Equal(cached, []string{"no-store"}) {
		errs = append(errs, fmt.Errorf("Cache-Control is %q", cached))
	}
	if example := exampleOfProblem(media); example != nil {
		var problem map[string]any
		errs = append(errs, json.Unmarshal([]byte(a.Body), &problem))
		for _, member := range []string{"type", "title", "status"} {
			if fmt.Sprint(problem[member]) != fmt.Sprint(example[member]) {
				errs = append(errs, fmt.Errorf("%s is %v, and not %v", member, problem[member], example[member]))
			}
		}
	}
	return errors.Join(errs...)
}

// exampleOfProblem returns the example in media if its schema is Problem or Failure,
// otherwise nil. These two schemas allow several problem types, so only the example shows
// the type that the answer must have.
func exampleOfProblem(media *openapi3.MediaType) map[string]any {
	if !slices.Contains([]string{"#/components/schemas/Problem", "#/components/schemas/Failure"}, media.Schema.Ref) {
		return nil
	}
	example, _ := media.Example.(map[string]any)
	return example
}

// checkText checks the value of a parameter or header, which may be sent at most once.
func (d *description) checkText(name string, required bool, schema *openapi3.SchemaRef, sent []string) error {
	if len(sent) == 0 && !required {
		return nil
	}
	if len(sent) != 1 {
		return fmt.Errorf("%s is sent %d times", name, len(sent))
	}
	if !utf8.ValidString(sent[0]) {
		return fmt.Errorf("%s is not UTF-8", name)
	}
	var value any = sent[0]
	if number := jsontext.Value(sent[0]); schema.Value.Type.Is("integer") && number.IsValid() {
		value = json.Number(sent[0])
	}
	if err := d.check(schema, value, asItStands); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// checkBody checks a body, which must be I-JSON (RFC 7493). Numbers are checked as written.
func (d *description) checkBody(schema *openapi3.SchemaRef, body string, objects treatment) error {
	if !jsontext.Value(body).IsValid() {
		return errors.New("the body is not I-JSON")
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		return err
	}
	return d.check(schema, value, objects)
}

// treatment decides whether objects may have undescribed members.
type treatment bool

const (
	asItStands treatment = false
	closed     treatment = true // forbids undescribed members, except in a map
)

// check returns the reason why a value does not match a schema in the document, or nil.
func (d *description) check(schema *openapi3.SchemaRef, value any, objects treatment) error {
	validator, err := d.compile(schema, objects)
	if err != nil {
		return err
	}
	return validator.Validate(value)
}

// compile compiles a schema, whose references point into the document.
func (d *description) compile(schema *openapi3.SchemaRef, objects treatment) (*jsonschema.Schema, error) {
	source, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	key := fmt.Sprint(objects, string(source))
	if known := d.compiled[key]; known != nil {
		return known, nil
	}
	resource, err := asJSON(map[string]any{"components": d.components, "allOf": []any{schema}})
	if err != nil {
		return nil, err
	}
	if objects == closed {
		closeObjects(resource)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	compiler.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: inMilliseconds})
	if err := compiler.AddResource("openapi:schema", resource); err != nil {
		return nil, err
	}
	compiled, err := compiler.Compile("openapi:schema")
	d.compiled[key] = compiled
	return compiled, err
}

// inMilliseconds checks that a time has the form that the schema Timestamp describes. A
// pattern in the schema could do that, but would break some generated clients.
func inMilliseconds(value any) error {
	text, _ := value.(string)
	_, err := time.Parse("2006-01-02T15:04:05.000Z", text)
	return err
}

// closeObjects forbids undescribed members in all objects. A schema with
// additionalProperties is a map, and stays as it is.
func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		if node["type"] == "object" && node["additionalProperties"] == nil {
			node["unevaluatedProperties"] = false
		}
		for _, inner := range node {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range node {
			closeObjects(inner)
		}
	}
}

// asJSON converts a value to the JSON Schema validator's types. Numbers stay as written.
func asJSON(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

// checkAnswer is as strict as the document. It forbids the answers in this table, which
// differ in one place from an allowed one. keepsContract proves the same for requests, by
// comparing the document with the handler's answers.
func TestDescriptionForbidsAnswers(t *testing.T) {
	t.Parallel()
	h, _, _ := newHandler(t)
	send := func(body string) answer { return overEvents(event2)(t, h)(t, posting("1", body)) }
	posted, invalid, declined := send(body("1", "1", "credit")), send(`{"userId":"1","ammount":"1"}`), send(body("2", "101", "debit"))
	d := readDescription(t)
	o := d.operationOf(posting("", ""))
	for _, c := range []struct {
		answer answer
		header map[string][][]string // values to reject
		status []int
		texts  [][2]string // old and new text in the body
	}{
		{
			posted,
			map[string][][]string{
				"Content-Type": {nil, {"text/plain"}, {"application/problem+json"}}, "Cache-Control": {nil, {"public"}, {"no-store", "no-store"}},
				"Location": {nil, {"/transactions/1"}}, "Idempotent-Replayed": {{"false"}}, "X-Other": {{"1"}}, "Retry-After": {{"1"}},
			},
			[]int{http.StatusOK, http.StatusBadRequest},
			[][2]string{
				{`{"data"`, `{"other":1,"data"`}, {`"id"`, `"other":1,"id"`}, {`"userId":"1",`, ``}, {`"data"`, `"Data"`}, {`"credit"`, `"transfer"`},
				{`"posted"`, `"done"`}, {`"ammount":"1"`, `"ammount":1`}, {`"ammount":"1"`, `"ammount":"1.0"`}, {id11, "1"}, {".005Z", "Z"},
				{"11-22T", "11-31T"}, {`}}`, `}`}, {`}}`, `,"type":"credit"}}`}, {posted.Body, ""},
			},
		},
		{
			invalid, nil, []int{http.StatusUnprocessableEntity},
			[][2]string{
				{`"status":400`, `"status":422`}, {`"Bad request"`, `"Bad Request"`}, {`/problems/invalid-request`, `/problems/other`},
				{`"type is required."`, `""`}, {`"/transactions"`, `"transactions"`}, {`{"type":["is required"]}`, `{}`}, {`["is required"]`, `[]`}, {`"properties"`, `"cause":"c","properties"`},
				{`{"type":["is required"]}`, `{"other":["is required"]}`},
			},
		},
		{
			declined, map[string][][]string{"Location": {{"/transactions/1"}}}, nil,
			[][2]string{
				{`,"balance":"100"`, ``}, {`"id":"` + declined.id() + `",`, ``}, {`"balance":"100"`, `"balance":"-1"`},
				{`"balance":"100"`, `"balance":"100","limit":"1000000000000000"`}, {`/problems/insufficient-funds`, `/problems/balance-limit`},
			},
		},
	} {
		require.NoError(t, d.checkAnswer(o, c.answer))
		forbids := func(change func(*answer)) {
			changed := c.answer
			changed.Header = changed.Header.Clone()
			change(&changed)
			assert.Error(t, d.checkAnswer(o, changed), "%+v", changed)
		}
		for name, others := range c.header {
			for _, values := range others {
				forbids(func(a *answer) { a.Header[name] = values })
			}
		}
		for _, status := range c.status {
			forbids(func(a *answer) { a.Status = status })
		}
		for _, text := range c.texts {
			require.Contains(t, c.answer.Body, text[0])
			forbids(func(a *answer) { a.Body = strings.Replace(a.Body, text[0], text[1], 1) })
		}
	}
}

// Each check is for a construct that once broke a generated client. README.md names the
// generators.
func TestDescriptionSuitsGenerators(t *testing.T) {
	t.Parallel()
	d := readDescription(t)
	schemas := d.components.(map[string]any)["schemas"].(map[string]any)
	values := map[any]string{}
	for name, schema := range schemas {
		assert.NotContains(t, schemas, "New"+name, "the constructor of %s has that name in Go", name)
		schema := schema.(map[string]any)
		text, err := json.Marshal(schema)
		require.NoError(t, err)
		assert.NotContains(t, string(text), `"const":`, "%s: ogen makes nothing of it", name)
		if schema["format"] == "date-time" {
			assert.NotContains(t, schema, "pattern", "%s: openapi-generator's Python matches it with a datetime", name)
		}
		enum, _ := schema["enum"].([]any)
		for _, value := range enum {
			assert.Empty(t, values[value], "%s has %v, too: both are one constant in openapi-generator's Go", name, value)
			values[value] = name
		}
	}
	for name := range schemas {
		for _, branch := range d.document.Components.Schemas[name].Value.OneOf {
			for member, schema := range branch.Value.Properties {
				if branch.Value.Properties["type"] != nil && branch.Value.Properties["instance"] != nil { // a problem document
					assert.NotRegexp(t, `[\\,]`, schema.Value.Pattern, "%s, %s: openapi-generator's Go breaks it", name, member)
				}
			}
		}
	}
}
