"""Deploys the stack as people do, and reads back from the account what it made:
closed to begin with, opened for tokens and browsers, closed again, kept from a
version that can't read, deleted, and made again with the tables that stayed."""
import base64
import json
import os
import subprocess
import sys

import boto3

import expand
from expand import same

ARCHITECTURE = os.environ["ARCHITECTURE"]
ISSUER, AUDIENCE, ORIGIN = "https://issuer.example.com", ["client", "other"], "https://shop.example.com"
BALANCE = {"queryStringParameters": {"userId": "1"}}


def client(service):
    return boto3.client(service)


def sam(command, *parameters, stage="default", fails=False):
    """Runs a command of SAM. It changes no parameter that isn't named."""
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
    """What an account says of the stack now."""
    def __init__(self, name="onewrite"):
        described = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        self.status = described["StackStatus"]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in described["Outputs"]}
        found = client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
        self.resources = {r["LogicalResourceId"]: r for r in found if "LogicalResourceId" in r}  # moto lists what a condition leaves out
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
        """Invokes the function, and returns its answer and its log's lines."""
        said = client("lambda").invoke(FunctionName=function or self.outputs["FunctionAlias"], Payload=json.dumps(event), LogType="Tail")
        log = base64.b64decode(said["LogResult"])
        whole = log.splitlines()[len(log) == 4096:]  # Lambda gives no more of a log, and so maybe a part of a line
        return json.load(said["Payload"]), [json.loads(line) for line in whole if line]

    def balance(self):
        answer, _ = self.call(BALANCE)
        return answer["statusCode"], json.loads(answer["body"]).get("data")

    def alarms(self):
        found = client("cloudwatch").describe_alarms()["MetricAlarms"]
        by_id = {alarm["AlarmName"]: {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm} for alarm in found}
        return {name: by_id.pop(r["PhysicalResourceId"]) for name, r in self.resources.items() if r["ResourceType"] == "AWS::CloudWatch::Alarm"}

    def routes(self):
        """The authorization of each route."""
        gateway, api, routes = client("apigatewayv2"), {"ApiId": self.id("Api")}, {}
        for route in gateway.get_routes(**api)["Items"]:
            authorization = [route["AuthorizationType"]]
            if route.get("AuthorizerId"):
                authorizer = gateway.get_authorizer(**api, AuthorizerId=route["AuthorizerId"])
                authorization += [authorizer["JwtConfiguration"]["Issuer"], authorizer["JwtConfiguration"]["Audience"]]
            routes[route["RouteKey"]] = authorization
            integration = gateway.get_integration(**api, IntegrationId=route["Target"].removeprefix("integrations/"))
            assert f"/functions/{self.outputs['FunctionAlias']}/invocations" in integration["IntegrationUri"], integration
        return routes


def check_open_to(stack, authorization, browsers):
    """Reads back who may call which route, and from which pages."""
    same("routes", stack.routes(), {route: authorization for route in expand.ROUTES})
    cors = client("apigatewayv2").get_api(ApiId=stack.id("Api")).get("CorsConfiguration") or {}
    same("origins", cors.get("AllowOrigins"), [ORIGIN] if browsers else None)


def written(line):
    """The metrics that CloudWatch makes of a line of the log."""
    return [(directive["Namespace"], metric["Name"], {name: line[name] for name in names})
            for directive in line["_aws"]["CloudWatchMetrics"] for names in directive["Dimensions"] for metric in directive["Metrics"]]


def check_alarms(stack, lines):
    """Each alarm watches what there is: a metric that the function has just
    written into its log, or one of AWS's with the names of what is deployed."""
    metrics = [metric for line in lines for metric in written(line)]
    api, version = stack.id("Api"), stack.version
    of_aws = {
        "AWS/ApiGateway": [{"ApiId": api}],
        "AWS/Lambda": [{"FunctionName": stack.function}, {"FunctionName": stack.function, "Resource": f"{stack.function}:live"},
                       {"FunctionName": stack.function, "Resource": f"{stack.function}:live", "ExecutedVersion": version}],
    }
    same("address", stack.outputs["Url"], f"https://{api}.execute-api.us-east-1.amazonaws.com")
    watched = 0
    for name, alarm in stack.alarms().items():
        for namespace, metric, dimensions in expand.measured(alarm):
            watched += 1
            if namespace in of_aws:
                assert dimensions in of_aws[namespace], (name, metric, dimensions)
            else:
                assert (namespace, metric, dimensions) in metrics, f"{name} watches {metric} of {dimensions}, which no line writes: {metrics}"
    return watched


def failures(stack):
    """Makes the function fail, and run into its time: the lines of both."""
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


def main():
    sam("deploy")
    stack = Stack()
    same("resources", stack.kinds(), expand.RESOURCES)
    check_open_to(stack, ["AWS_IAM"], browsers=False)
    same("version", stack.version, "1")
    same("a first reading", stack.balance(), (200, {"balance": "100"}))
    answer, lines = stack.call({"headers": {"Idempotent-Key": "1"}, "body": {"userId": "1", "ammount": "10", "type": "credit"}})
    same("a posting", answer["statusCode"], 201)
    same("a call that names nobody", stack.call(gateway_event("GET", {}))[0]["statusCode"], 403)
    watched = check_alarms(stack, lines + failures(stack))
    tables = stack.outputs["TransactionsTable"], stack.outputs["AggregateTable"]
    print(f"made: {len(stack.resources)} resources, {len(expand.ROUTES)} routes by IAM, {watched} metrics with alarms, each there")

    sam("deploy", "Authorization=JWT", f"TokenIssuer={ISSUER}", f"TokenAudience={','.join(AUDIENCE)}", f"CorsOrigins={ORIGIN}", "QuietAlarmMinutes=15")
    stack = Stack()
    same("resources", stack.kinds(), expand.RESOURCES | {"QuietAlarm": "CloudWatch::Alarm"})
    check_open_to(stack, ["JWT", ISSUER, AUDIENCE], browsers=True)
    same("version", stack.version, "2")
    _, lines = stack.call({"queryStringParameters": {"userId": "1"}})
    same("a line's version", {line["version"] for line in lines}, {"2"})
    same("a call without claims", stack.call(gateway_event("GET", {}))[0]["statusCode"], 403)
    check_alarms(stack, failures(stack))
    print("changed: by token and from browsers, after a smoke test of version 2")

    sam("deploy", "Authorization=AWS_IAM", 'CorsOrigins=""', "QuietAlarmMinutes=0")
    stack = Stack()
    same("resources", stack.kinds(), expand.RESOURCES)
    check_open_to(stack, ["AWS_IAM"], browsers=False)
    same("version", stack.version, "3")
    print("changed back: by IAM")

    sam("deploy", "ExistingTransactionsTable=gone-1", "ExistingAggregateTable=gone-2", fails=True)
    stack = Stack()
    same("status", stack.status, "UPDATE_ROLLBACK_COMPLETE")
    same("version", stack.version, "3")
    same("tables", (stack.outputs["TransactionsTable"], stack.outputs["AggregateTable"]), tables)
    same("a reading after it", stack.balance(), (200, {"balance": "110"}))
    print("a version that can't read its tables: the smoke test keeps it out")

    sam("delete")
    same("functions", client("lambda").list_functions()["Functions"], [])
    same("APIs", client("apigatewayv2").get_apis()["Items"], [])
    same("alarms", client("cloudwatch").describe_alarms()["MetricAlarms"], [])
    same("roles", client("iam").list_roles()["Roles"], [])
    same("tables that stay", sorted(client("dynamodb").list_tables()["TableNames"]), sorted(tables))

    sam("deploy", f"ExistingTransactionsTable={tables[0]}", f"ExistingAggregateTable={tables[1]}", stage="prod")
    stack = Stack("onewrite-prod")
    same("resources", stack.kinds(), {name: kind for name, kind in expand.RESOURCES.items() if name not in expand.TABLES})
    same("a reading of what stayed", stack.balance(), (200, {"balance": "110"}))
    print("deleted, and made again as another stage with the two tables that stayed")


main()
