package events_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/events/consumer"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
)

var (
	python     = flag.String("python", "", "a Python with boto3, to try consumer.py too")
	typescript = flag.String("typescript", "", "the folder of the compiled consumer.ts, to try it too")
)

// checkConsumers sends the followed users' events to each consumer, as bus events and as
// stream records, twice and out of order. The consumer's table must then agree with the
// ledger. So must that of a consumer that lost half the events and read the export.
func checkConsumers(t *testing.T, books *infratest.Books, events []json.RawMessage, s streams) {
	deliveries, last, months := deliver(t, events, s)
	lines := bytes.SplitAfter(deliveries, []byte("\n"))
	caughtUp := append(bytes.Join(lines[:len(lines)/2], nil), exported(t, books, s)...)
	consume := map[string]func(table string, input []byte) error{"Go": func(table string, input []byte) error {
		c := consumer.Consumer{Client: books.Client, Table: table}
		for line := range bytes.Lines(input) {
			var e consumer.Event
			if err := json.Unmarshal(line, &e); err != nil {
				return err
			}
			if err := c.Handle(t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	}}
	program := func(name string, args ...string) func(table string, input []byte) error {
		return func(table string, input []byte) error {
			command := exec.CommandContext(t.Context(), name, args...)
			command.Env = append(append(os.Environ(), books.Env()...), "TABLE="+table, "AWS_DEFAULT_REGION=us-east-1")
			command.Stdin, command.Stderr = bytes.NewReader(input), os.Stderr
			return command.Run()
		}
	}
	if *python != "" {
		consume["Python"] = program(*python, "-c", "import json, sys; sys.path.insert(0, 'consumer'); import consumer\n"+
			"for line in sys.stdin: consumer.handler(json.loads(line), None)")
	}
	if *typescript != "" {
		consume["TypeScript"] = program("node", "--no-warnings", "--input-type=module", "-e", "import { handler } from '"+*typescript+"/consumer.js';\n"+
			"import { createInterface } from 'node:readline';\nfor await (const line of createInterface(process.stdin)) await handler(JSON.parse(line));")
	}
	check := func(language string, input []byte) {
		table := newTable(t, books, language)
		require.NoError(t, consume[language](table, input), language)
		out, err := books.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
		require.NoError(t, err)
		balances, net := map[string]string{}, map[string]string{}
		for _, kept := range out.Items {
			text := func(name string) string {
				switch v := kept[name].(type) {
				case *types.AttributeValueMemberS:
					return v.Value
				case *types.AttributeValueMemberN:
					return v.Value
				}
				return ""
			}
			kind, rest, _ := strings.Cut(text("id"), " ")
			switch {
			case kind == "balance":
				balances[rest] = text("balance")
			case kind != "transaction":
				net[text("id")] = minus(text("money_in"), text("money_out"))
			}
		}
		assert.Equal(t, last, balances, language)
		assert.Equal(t, months, net, language)
	}
	for language := range consume {
		check(language, deliveries)
	}
	check("Go", caughtUp)
}

// followed are the users whose events the consumers receive.
var followed = map[string]bool{"order.7": true, "crowd": true}

// exported returns the followed users' rows from audit -export, as stream records. It
// requires that each exported row equals the row in its last event.
func exported(t *testing.T, books *infratest.Books, s streams) (lines []byte) {
	t.Helper()
	last := map[string]image{} // the last image of each row in the events
	for _, r := range append(append([]record{}, s.transactions...), s.balances...) {
		last[r.Change.NewImage.text("id")+" "+r.Change.NewImage.text("user_id")] = r.Change.NewImage
	}
	rows := 0
	binary := filepath.Join(t.TempDir(), "audit")
	require.NoError(t, runtimeapi.Build(t.Context(), "onewrite/infra/audit", binary))
	numbers := map[string]bool{"ammount": true, "balance": true, "version": true, "held": true, "credit_limit": true, "rule_changes": true}
	for table, key := range map[string]string{"transactions": "id", "balances": "user_id"} {
		audit := exec.CommandContext(t.Context(), binary, "-export", table, "-json")
		audit.Env = books.Env()
		output, err := audit.Output()
		require.NoError(t, err, table)
		for line := range bytes.Lines(output) {
			var row map[string]any
			require.NoError(t, json.Unmarshal(line, &row))
			if table == "balances" && row["balance"] == nil || row["user_id"] == nil {
				continue // refund accounts and rule changes make no events
			}
			rows++
			id, _ := row["id"].(string)
			event := map[string]any{}
			for name, value := range last[id+" "+row["user_id"].(string)] {
				event[name] = plain(value)
			}
			assert.Equal(t, event, row, "the export and the last event of the row")
			image := map[string]any{}
			for name, value := range row {
				if _, ok := value.(string); ok {
					image[name] = map[string]any{map[bool]string{true: "N", false: "S"}[numbers[name]]: value}
				}
			}
			if followed[row["user_id"].(string)] {
				change := map[string]any{"Keys": map[string]any{key: image[key]}, "NewImage": image}
				record, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"dynamodb": change}}})
				require.NoError(t, err)
				lines = append(append(lines, record...), '\n')
			}
		}
	}
	require.NotEmpty(t, lines)
	assert.Equal(t, len(last), rows)
	return lines
}

// plain returns a value in DynamoDB's JSON as the export writes it: numbers are strings.
func plain(value map[string]any) any {
	for _, v := range value { // the only key is the value's type
		switch v := v.(type) {
		case map[string]any:
			members := map[string]any{}
			for name, member := range v {
				members[name] = plain(member.(map[string]any))
			}
			return members
		case []any:
			list := []any{}
			for _, element := range v {
				list = append(list, plain(element.(map[string]any)))
			}
			return list
		}
		return v
	}
	return nil
}

// deliver returns the followed users' events as a consumer can receive them, one per line.
// It also returns the balances and monthly sums that the consumer must end with.
func deliver(t *testing.T, events []json.RawMessage, s streams) (lines []byte, last, months map[string]string) {
	t.Helper()
	last, months = map[string]string{}, map[string]string{}
	var all []json.RawMessage
	for i, r := range append(append([]record{}, s.transactions...), s.balances...) {
		row := r.Change.NewImage
		user := row.text("user_id")
		if !followed[user] {
			continue
		}
		if i >= len(s.transactions) {
			last[user] = row.text("balance")
		} else {
			month := row.text("created_at")[:7] + " " + user
			months[month] = new(big.Rat).Add(rat(cmp.Or(months[month], "0")), effect(row)).RatString()
		}
		all = append(all, events[i], events[i])
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, e := range all {
		if i%3 == 0 { // the form for a Lambda function that reads the stream itself
			var of struct{ Detail json.RawMessage }
			require.NoError(t, json.Unmarshal(e, &of))
			e = json.RawMessage(`{"Records":[` + string(of.Detail) + `]}`)
		}
		lines = append(append(lines, e...), '\n')
	}
	require.NotEmpty(t, lines)
	return lines, last, months
}

func newTable(t *testing.T, books *infratest.Books, language string) string {
	t.Helper()
	name := fmt.Sprintf("%s-%s-%d", books.Config.TransactionsTable, language, rand.Int32())
	_, err := books.Client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:            &name,
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := books.Client.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: &name})
		assert.NoError(t, err)
	})
	return name
}
