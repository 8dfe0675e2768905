"""Deploys the stack with the documented commands, and checks its resources in the
account after each step. It opens the stack to IAM callers, then to tokens and browsers,
and back (infra/access.md), deploys versions that must fail, turns events on and off
(infra/events/README.md), restores the tables (infra/restore.md), deletes the stack, and
deploys it again with the tables that stayed."""
import base64
import json
import os
import re
import shlex
import subprocess
import sys

import boto3

import expand
from expand import same

ARCHITECTURE = os.environ["ARCHITECTURE"]
ISSUER, AUDIENCE, ORIGIN = "https://cognito-idp.REGION.amazonaws.com/POOL", ["CLIENT"], "https://shop.example.com"
NAMES = {"Api": "ledger.example.com", "ServiceApi": "services.example.com"}
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
BALANCE = {"queryStringParameters": {"userId": "1"}}


def client(service):
    return boto3.client(service)


def sam(command, *parameters, stage="default", fails=False):
    """Runs a SAM command. It must fail if the parameter fails is true. Parameters that aren't given keep their values."""
    arguments = ["sam", command, "--no-prompts"]
    if command == "deploy":
        arguments = ["sam", command, "--config-env", stage, "--parameter-overrides", f"Architecture={ARCHITECTURE}", *parameters]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    open(".cache/stack.log", "a").write(done.stdout)
    if (done.returncode != 0) != fails:
        print(done.stdout)
        print(open(".cache/stack-account.log").read()[-8000:])
        sys.exit(f"{' '.join(arguments)}: {done.returncode}")


class Stack:
    """A deployed stack, as the account described it when this object was created."""
    def __init__(self, name="onewrite"):
        described = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        self.status = described["StackStatus"]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in described["Outputs"]}
        found = client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
        self.resources = {r["LogicalResourceId"]: r for r in found if "LogicalResourceId" in r}  # moto also lists resources that a condition leaves out
        self.function = self.id("Function")
        alias = client("lambda").get_alias(FunctionName=self.function, Name="live")
        same("alias", self.outputs["FunctionAlias"], alias["AliasArn"])
        self.version = alias["FunctionVersion"]

    def id(self, name):
        return self.resources[name]["PhysicalResourceId"]

    def kinds(self):
        return {("FunctionVersion" if name.startswith("FunctionVersion") else name): r["ResourceType"].removeprefix("AWS::")
                for name, r in self.resources.items()}

    def call(self, event, function=None):
        """Invokes the function, and returns its answer and log lines."""
        response = client("lambda").invoke(FunctionName=function or self.outputs["FunctionAlias"], Payload=json.dumps(event), LogType="Tail")
        log = base64.b64decode(response["LogResult"])
        whole = log.splitlines()[len(log) == 4096:]  # Lambda returns a log's last 4 KB, which may begin within a line
        return json.load(response["Payload"]), [json.loads(line) for line in whole if line]

    def balance(self):
        answer, _ = self.call(BALANCE)
        return answer["statusCode"], json.loads(answer["body"]).get("data")

    def alarms(self):
        found = client("cloudwatch").describe_alarms()["MetricAlarms"]
        by_id = {alarm["AlarmName"]: {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm} for alarm in found}
        return {name: by_id.pop(r["PhysicalResourceId"]) for name, r in self.resources.items() if r["ResourceType"] == "AWS::CloudWatch::Alarm"}

    def routes(self, name="Api"):
        """Returns the authorization for each route in an API."""
        gateway, api, routes = client("apigatewayv2"), {"ApiId": self.id(name)}, {}
        for route in gateway.get_routes(**api)["Items"]:
            authorization = [route["AuthorizationType"]]
            if route.get("AuthorizerId"):
                authorizer = gateway.get_authorizer(**api, AuthorizerId=route["AuthorizerId"])
                authorization += [authorizer["JwtConfiguration"]["Issuer"], authorizer["JwtConfiguration"]["Audience"]]
            routes[route["RouteKey"]] = authorization
            integration = gateway.get_integration(**api, IntegrationId=route["Target"].removeprefix("integrations/"))
            assert f"/functions/{self.outputs['FunctionAlias']}/invocations" in integration["IntegrationUri"], integration
        return routes


def check_open_to(stack, authorization, named=False):
    """Checks the APIs' authorization, addresses and CORS origins. If named is true, they must answer only at their domain
    names, and Api must allow ORIGIN's pages. Otherwise they must answer at their execute-api addresses, and allow no pages."""
    same("routes", stack.routes(), {route: authorization for route in expand.ROUTES})
    services = authorization[0] == "JWT"
    same("an API for services", ("ServiceApi" in stack.resources, "ServiceUrl" in stack.outputs), (services, services))
    if services:
        same("routes for services", stack.routes("ServiceApi"), {route: ["AWS_IAM"] for route in expand.ROUTES})
    for api, output in ({"Api": "Url"} | ({"ServiceApi": "ServiceUrl"} if services else {})).items():
        made = client("apigatewayv2").get_api(ApiId=stack.id(api))
        same(f"{api}'s own address is closed", made["DisableExecuteApiEndpoint"], named)
        same(output, stack.outputs[output], f"https://{NAMES[api]}" if named else f"https://{stack.id(api)}.execute-api.us-east-1.amazonaws.com")
        cors = made.get("CorsConfiguration") or {}
        same("origins", cors.get("AllowOrigins"), [ORIGIN] if named and api == "Api" else None)


def written(line):
    """Returns the metrics that CloudWatch extracts from a log line."""
    return [(directive["Namespace"], metric["Name"], {name: line[name] for name in names})
            for directive in line["_aws"]["CloudWatchMetrics"] for names in directive["Dimensions"] for metric in directive["Metrics"]]


def check_alarms(stack, lines):
    """Checks that each alarm watches an existing metric: one that the function has just
    written into its log, or an AWS metric for a deployed resource."""
    metrics = [metric for line in lines for metric in written(line)]
    version = stack.version
    of_aws = {
        "AWS/ApiGateway": [{"ApiId": stack.id(name)} for name in ("Api", "ServiceApi") if name in stack.resources],
        "AWS/Lambda": [{"FunctionName": stack.function}, {"FunctionName": stack.function, "Resource": f"{stack.function}:live"},
                       {"FunctionName": stack.function, "Resource": f"{stack.function}:live", "ExecutedVersion": version}],
    }
    watched = 0
    for name, alarm in stack.alarms().items():
        for namespace, metric, dimensions in expand.measured(alarm):
            watched += 1
            if namespace in of_aws:
                assert dimensions in of_aws[namespace], (name, metric, dimensions)
            else:
                assert (namespace, metric, dimensions) in metrics, f"{name} watches {metric} of {dimensions}, which no line has: {metrics}"
    return watched


def failures(stack):
    """Makes one call that fails and one that can't reach DynamoDB, and returns the log lines with metrics from both."""
    client("dynamodb").put_item(TableName=stack.outputs["AggregateTable"], Item={"user_id": {"S": "damaged"}, "balance": {"S": "?"}})
    answer, failed = stack.call({"queryStringParameters": {"userId": "damaged"}})
    same("a damaged row", answer["statusCode"], 500)
    client("dynamodb").delete_item(TableName=stack.outputs["AggregateTable"], Key={"user_id": {"S": "damaged"}})
    settings = client("lambda").get_function_configuration(FunctionName=stack.function)
    variables = settings["Environment"]["Variables"]
    client("lambda").update_function_configuration(
        FunctionName=stack.function, Timeout=2, Environment={"Variables": variables | {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"}})
    answer, late = stack.call(BALANCE, stack.function)
    same("no DynamoDB", answer["statusCode"], 503)
    client("lambda").update_function_configuration(FunctionName=stack.function, Timeout=settings["Timeout"], Environment={"Variables": variables})
    return [line for line in failed + late if "_aws" in line]


def gateway_event(method, headers):
    return {"version": "2.0", "rawPath": "/balance", "rawQueryString": "userId=1", "headers": headers,
            "requestContext": {"http": {"method": method, "path": "/balance"}, "stage": "$default"}}


CALLERS = {  # an event's requestContext.authorizer, by the route's authorization type
    "AWS_IAM": {"iam": {"userArn": "arn:aws:sts::123456789012:assumed-role/shop/1"}},
    "JWT": {"jwt": {"claims": {"sub": "1"}, "scopes": None}},
}


def reading(kind, user):
    """Returns an event in which user 1 reads a user's balance, from an API with this kind of authorizer."""
    event = gateway_event("GET", {})
    event["rawQueryString"] = f"userId={user}"
    event["requestContext"]["authorizer"] = CALLERS[kind]
    return event


def check_callers(stack, versions):
    """Checks which of two users' balances user 1 may read, with events from the deployed APIs and, for each version, from
    both kinds of API. During an update, a version can receive events from either."""
    found = {}
    for name in ("Api", "ServiceApi"):
        if name in stack.resources:
            kind = stack.routes(name)["GET /balance"][0]
            found[name, kind] = tuple(stack.call(reading(kind, user))[0]["statusCode"] for user in "12")
    both = ("Api", "AWS_IAM") in found
    same("who may call", found, {("Api", "AWS_IAM"): (200, 200)} if both else {("Api", "JWT"): (200, 403), ("ServiceApi", "AWS_IAM"): (200, 200)})
    for version, mode in versions.items():
        for kind in CALLERS:
            answers = tuple(stack.call(reading(kind, user), f"{stack.function}:{version}")[0]["statusCode"] for user in "12")
            want = (200, 200) if kind == "AWS_IAM" else (200, 403) if mode == "JWT" else (403, 403)
            same(f"a call by {kind} to version {version}, of {mode}", answers, want)


TRANSFER = {"headers": {"Idempotent-Key": "torn"}, "body": {"entries": [
    {"userId": "1", "ammount": "25", "type": "debit"}, {"userId": "2", "ammount": "25", "type": "credit"}]}}


class Shell:
    """The shell in which an operator runs all commands of infra/restore.md."""
    def __init__(self, **environment):
        self.process = subprocess.Popen(["bash", "-e"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(".cache/restore.log", "w"),
                                        text=True, env=os.environ | environment)

    def run(self, commands):
        self.process.stdin.write(commands + "\necho done-with-it\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "done-with-it\n":
                return "".join(lines)
            lines.append(line)
        sys.exit(f"{commands}\nended with {self.process.wait()}:\n{''.join(lines)}{open('.cache/restore.log').read()}")


def chapters(path):
    """Returns a document's blocks of shell commands, by chapter title."""
    return {title: re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
            for title, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", open(path).read(), re.M | re.S)}


def run_with(commands, *parameters):
    """Runs a document's commands. The parameters are added to each sam command."""
    shell = Shell(AWS_DEFAULT_OUTPUT="json")
    shell.run(f'sam() {{ command sam "$@" Architecture={ARCHITECTURE} {" ".join(map(shlex.quote, parameters))}; }}')
    shell.run(commands)


def restore(stack):
    """Restores the stack's tables with restore.md. Each restored table lacks a row, as can happen on AWS."""
    dynamodb, trail = client("dynamodb"), "money"
    client("s3").create_bucket(Bucket="trail")
    client("cloudtrail").create_trail(Name=trail, S3BucketName="trail")
    old = dynamodb.describe_table(TableName=stack.outputs["TransactionsTable"])["Table"]["TableArn"]
    dynamodb.tag_resource(ResourceArn=old, Tags=[{"Key": "stage", "Value": "test"}])
    same("a transfer", stack.call(TRANSFER)[0]["statusCode"], 201)
    posting = {"headers": {"Idempotent-Key": "later"}, "body": {"userId": "1", "ammount": "1", "type": "credit"}}
    steps = {title[0]: "\n".join(blocks) for title, blocks in chapters("infra/restore.md").items() if title[0].isdigit()}
    same("steps", "".join(steps), "12345678")
    shell = Shell(at="2026-11-24T10:00:00Z", pause="0", trail=trail, AWS_DEFAULT_OUTPUT="json", parameters=f"Architecture={ARCHITECTURE}")

    def writers_are_denied():
        same("a post", stack.call(posting)[0]["statusCode"], 500)
        same("a read", stack.balance()[0], 200)

    shell.run(steps["1"])
    writers_are_denied()
    shell.run(steps["2"])
    restored = "onewrite-transactions-2", "onewrite-balances-2"
    row = next(r for r in dynamodb.scan(TableName=restored[0])["Items"] if r["user_id"]["S"] == "2")
    dynamodb.delete_item(TableName=restored[0], Key={"id": row["id"]})  # the row of the transfer's credit
    dynamodb.delete_item(TableName=restored[1], Key={"user_id": {"S": "1"}})
    for step in "345":
        shell.run(steps[step])
    tags = dynamodb.list_tags_of_resource(ResourceArn=old.replace(stack.outputs["TransactionsTable"], restored[0]))["Tags"]
    assert {"Key": "stage", "Value": "test"} in tags, tags
    traced = json.dumps(client("cloudtrail").get_event_selectors(TrailName=trail)["AdvancedEventSelectors"])
    assert all(f"table/{table}" in traced for table in restored) and f"function:{stack.function}" in traced, traced
    report = shell.run(steps["6"])
    assert "2 users" in report, report
    shell.run(steps["7"])
    stack = Stack()
    same("tables", (stack.outputs["TransactionsTable"], stack.outputs["AggregateTable"]), restored)
    writers_are_denied()
    shell.run(steps["8"])
    answer, _ = stack.call(TRANSFER)
    same("the transfer again", (answer["statusCode"], answer["headers"].get("Idempotent-Replayed")), (201, "true"))
    same("a post", stack.call(posting)[0]["statusCode"], 201)
    same("a balance", stack.balance(), (200, {"balance": "86"}))
    return restored


def events(stack):
    """Creates and deletes the events' stack with the commands in infra/events/README.md."""
    on, off = (chapters("infra/events/README.md")[title][0] for title in ("Turn them on", "Turn them off"))

    def streams():
        tables = [client("dynamodb").describe_table(TableName=stack.outputs[name])["Table"] for name in ("TransactionsTable", "AggregateTable")]
        return {table["LatestStreamArn"]: table["StreamSpecification"]["StreamViewType"]
                for table in tables if table.get("StreamSpecification", {}).get("StreamEnabled")}

    run_with(on)
    read = streams()
    same("streams", list(read.values()), ["NEW_IMAGE", "NEW_AND_OLD_IMAGES"])
    name = "onewrite-events"
    made = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    given = {p["ParameterKey"]: p["ParameterValue"] for p in made["Parameters"]}
    same("the pipes' streams", [given["TransactionsStream"], given["BalancesStream"]], list(read))
    kinds = [r["ResourceType"] for r in client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]]
    same("resources", sorted(kinds), sorted(["AWS::CloudWatch::Alarm"] * 3 + ["AWS::Pipes::Pipe"] * 2 + ["AWS::IAM::Role", "AWS::SQS::Queue"]))
    same("a read", stack.balance()[0], 200)
    run_with("stack=onewrite\n" + off)
    same("the events' stack", [s for s in client("cloudformation").describe_stacks()["Stacks"] if s["StackName"] == name], [])
    same("queues", client("sqs").list_queues().get("QueueUrls", []), [])
    same("streams", streams(), {})


def without_concurrency(stack):
    """Checks that a deployment fails while the concurrency is 0, which is why restore.md doesn't set it."""
    client("lambda").put_function_concurrency(FunctionName=stack.function, ReservedConcurrentExecutions=0)
    sam("deploy", "CreditScope=other", fails=True)
    same("status", Stack().status, "UPDATE_ROLLBACK_COMPLETE")
    client("lambda").delete_function_concurrency(FunctionName=stack.function)


def main():
    sam("deploy")
    stack = Stack()
    same("resources", stack.kinds(), expand.RESOURCES)
    check_open_to(stack, ["AWS_IAM"])
    same("version", stack.version, "1")
    check_callers(stack, {"1": "AWS_IAM"})
    same("a first read", stack.balance(), (200, {"balance": "100"}))
    answer, lines = stack.call({"headers": {"Idempotent-Key": "1"}, "body": {"userId": "1", "ammount": "10", "type": "credit"}})
    same("a post", answer["statusCode"], 201)
    same("a call without a caller", stack.call(gateway_event("GET", {}))[0]["statusCode"], 403)
    watched = check_alarms(stack, lines + failures(stack))
    tables = stack.outputs["TransactionsTable"], stack.outputs["AggregateTable"]
    print(f"created: {len(stack.resources)} resources, {len(expand.ROUTES)} routes with IAM; all {watched} metrics of the alarms exist")

    to_tokens, to_iam = chapters("infra/access.md")["Change the mode"]
    run_with(to_tokens, f"CorsOrigins={ORIGIN}", "QuietAlarmMinutes=15", f"DomainName={NAMES['Api']}", f"CertificateArn={CERTIFICATE}",
             "DisableExecuteApiEndpoint=true", f"ServiceDomainName={NAMES['ServiceApi']}", f"ServiceCertificateArn={CERTIFICATE}",
             "ServiceDisableExecuteApiEndpoint=true")
    stack = Stack()
    same("resources", stack.kinds(), expand.RESOURCES | expand.SERVICES | expand.DOMAIN | expand.SERVICE_DOMAIN | {"QuietAlarm": "CloudWatch::Alarm"})
    check_open_to(stack, ["JWT", ISSUER, AUDIENCE], named=True)
    same("version", stack.version, "2")
    check_callers(stack, {"1": "AWS_IAM", "2": "JWT"})
    _, lines = stack.call({"queryStringParameters": {"userId": "1"}})
    same("a line's version", {line["version"] for line in lines}, {"2"})
    same("a call without claims", stack.call(gateway_event("GET", {}))[0]["statusCode"], 403)
    check_alarms(stack, failures(stack))
    print("switched to JWT: web pages and services call at domain names only, after a smoke test of version 2")

    run_with(to_iam, "QuietAlarmMinutes=0", 'DomainName=""', "DisableExecuteApiEndpoint=false")
    stack = Stack()
    same("resources", stack.kinds(), expand.RESOURCES)
    check_open_to(stack, ["AWS_IAM"])
    same("version", stack.version, "3")
    check_callers(stack, {"2": "JWT", "3": "AWS_IAM"})
    same("one API", len(client("apigatewayv2").get_apis()["Items"]), 1)
    print("switched back to AWS_IAM: the API for services is deleted")

    for what, parameters, message in (
            ("can't read its tables", ["ExistingTransactionsTable=gone-1", "ExistingAggregateTable=gone-2"], "ResourceNotFoundException"),
            ("has other settings", ["Currency=EUR", "OpeningBalance=0"],
             "the tables were created with currency USD, decimal places 2, opening balance 100, but the configuration has currency EUR")):
        sam("deploy", *parameters, fails=True)
        assert message in open(".cache/stack-account.log").read(), message
        stack = Stack()
        same("status", stack.status, "UPDATE_ROLLBACK_COMPLETE")
        same("version", stack.version, "3")
        same("tables", (stack.outputs["TransactionsTable"], stack.outputs["AggregateTable"]), tables)
        same("a read afterwards", stack.balance(), (200, {"balance": "110"}))
        print(f"the smoke test rejects a version that {what}")

    events(Stack())
    print("events turned on and off with infra/events/README.md")

    without_concurrency(Stack())
    restored = restore(Stack())
    print("restored with infra/restore.md, including a torn transfer")

    sam("delete")
    same("functions", client("lambda").list_functions()["Functions"], [])
    same("APIs", client("apigatewayv2").get_apis()["Items"], [])
    same("alarms", client("cloudwatch").describe_alarms()["MetricAlarms"], [])
    same("roles", client("iam").list_roles()["Roles"], [])
    same("remaining tables", sorted(client("dynamodb").list_tables()["TableNames"]), sorted(tables + restored))

    sam("deploy", f"ExistingTransactionsTable={restored[0]}", f"ExistingAggregateTable={restored[1]}", stage="prod")
    stack = Stack("onewrite-prod")
    same("resources", stack.kinds(), {name: kind for name, kind in expand.RESOURCES.items() if name not in expand.TABLES})
    same("a read of the remaining tables", stack.balance(), (200, {"balance": "86"}))
    print("deleted, and created again as another stage with the remaining tables")


main()
