"""Expands template.yaml as AWS does, with its own translator, once for each way
to authorize, and reads back what would be deployed. Writes .cache/expanded.json."""
import copy
import json
import re

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

METHOD = "x-amazon-apigateway-any-method"
ISSUER, AUDIENCE = "https://issuer.example.com", ["client"]

# A Go test holds these equal: handler/routes.go, openapi.yaml and the function's events.
ROUTES = sorted(yaml_parse(open("handler/openapi.yaml").read())["paths"])
EVENTS = yaml_parse(open("template.yaml").read())["Resources"]["Function"]["Properties"]["Events"]

# All that is deployed. A version's name ends in a hash.
RESOURCES = {
    "Function": "Lambda::Function", "FunctionVersion": "Lambda::Version", "FunctionAliaslive": "Lambda::Alias",
    **{f"Function{event}Permission": "Lambda::Permission" for event in EVENTS}, "Role": "IAM::Role",
    "Api": "ApiGatewayV2::Api", "ApiApiGatewayDefaultStage": "ApiGatewayV2::Stage",
    "TransactionsTable": "DynamoDB::Table", "AggregateTable": "DynamoDB::Table",
    "FunctionLog": "Logs::LogGroup", "AccessLog": "Logs::LogGroup",
    "ServerlessDeploymentApplication": "CodeDeploy::Application", "CodeDeployServiceRole": "IAM::Role",
    "FunctionDeploymentGroup": "CodeDeploy::DeploymentGroup", "Dashboard": "CloudWatch::Dashboard",
    **{f"{name}Alarm": "CloudWatch::Alarm" for name in (
        "Errors", "Failed", "ServerErrors", "Latency", "Throttles", "TryAgain", "BalanceMismatches")},
}


def same(what, got, want):
    assert got == want, f"{what}:\n  is   {got}\n  must {want}"


def translate(template, parameters):
    template = copy.deepcopy(template)
    template["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/key"
    return Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1")).translate(template, parameters)


def settle(node, parameters, conditions):
    """What CloudFormation makes of references to parameters and of conditions."""
    if isinstance(node, list):
        return [settle(n, parameters, conditions) for n in node]
    if not isinstance(node, dict):
        return node
    if list(node) == ["Fn::If"]:
        name, then, otherwise = node["Fn::If"]
        return settle(then if settle(conditions[name], parameters, conditions) else otherwise, parameters, conditions)
    if list(node) == ["Fn::Equals"]:
        return len({json.dumps(n) for n in settle(node["Fn::Equals"], parameters, conditions)}) == 1
    if list(node) == ["Fn::Not"]:
        return not settle(node["Fn::Not"], parameters, conditions)[0]
    if list(node) == ["Ref"] and node["Ref"] in parameters:
        return parameters[node["Ref"]]
    return {key: settle(value, parameters, conditions) for key, value in node.items()}


def by_sam(template, auth):
    """The API's body as SAM writes it for an Auth property of its own."""
    template = copy.deepcopy(template)
    api = template["Resources"]["Api"]["Properties"]
    del api["DefinitionBody"]
    api["Auth"] = auth
    return translate(template, {})["Resources"]["Api"]["Properties"]["Body"]


def check_api(resources, template, mode):
    body = resources["Api"]["Properties"]["Body"]
    same("routes", sorted(body["paths"]), ROUTES)
    auth = {"DefaultAuthorizer": "AWS_IAM", "EnableIamAuthorizer": True}
    if mode == "JWT":
        auth = {"DefaultAuthorizer": "JWT", "Authorizers": {"JWT": {
            "IdentitySource": "$request.header.Authorization",
            "JwtConfiguration": {"issuer": ISSUER, "audience": AUDIENCE}}}}
    model = by_sam(template, auth)
    same("authorizers", body["components"], model["components"])
    same("authorizer", list(body["components"]["securitySchemes"]), [mode])
    for path in ROUTES:
        same(f"methods of {path}", list(body["paths"][path]), [METHOD])
        route = body["paths"][path][METHOD]
        same(f"authorization of {path}", route["security"], [{mode: []}])
        same(f"route {path}", route, {**model["paths"][path][METHOD], "security": [{mode: []}]})
        assert "${FunctionAliaslive}" in route["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"], path
    assert "CorsConfiguration" not in resources["Api"]["Properties"]
    stage = resources["ApiApiGatewayDefaultStage"]["Properties"]
    same("throttling", stage["DefaultRouteSettings"], {
        "DetailedMetricsEnabled": True, "ThrottlingRateLimit": 500, "ThrottlingBurstLimit": 500})
    same("access log", stage["AccessLogSettings"]["DestinationArn"], {"Fn::GetAtt": ["AccessLog", "Arn"]})
    assert json.loads(stage["AccessLogSettings"]["Format"])["requestId"] == "$context.requestId"
    for name, event in EVENTS.items():
        permission = resources[f"Function{name}Permission"]["Properties"]
        source = permission.pop("SourceArn")["Fn::Sub"]
        path = re.sub(r"{\w+}", "*", event["Properties"]["Path"])
        assert source[0].endswith(f"${{__ApiId__}}/${{__Stage__}}/*{path}") and source[1]["__ApiId__"] == {"Ref": "Api"}, source
        same(f"permission of {name}", permission, {
            "Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "FunctionAliaslive"}, "Principal": "apigateway.amazonaws.com"})


def check_function(resources, template, mode):
    function = resources["Function"]["Properties"]
    same("role", function["Role"], {"Fn::GetAtt": ["Role", "Arn"]})
    same("role's policies", resources["Role"], template["Resources"]["Role"])
    same("environment", function["Environment"]["Variables"], {
        "AUTHORIZATION": mode, "CREDIT_SCOPE": "", "AWS_ENDPOINT_URL_DYNAMODB": "",
        "TRANSACTIONS_TABLE": {"Ref": "TransactionsTable"}, "TRANSACTIONS_AGGREGATE_TABLE": {"Ref": "AggregateTable"}})
    within = int(re.search(r"answerWithin = (\d+) \* time.Second", open("handler/handler.go").read())[1])
    assert within < function["Timeout"] <= 29, f"answers within {within} s, and has {function['Timeout']} s"
    same("log", function["LoggingConfig"]["LogGroup"], {"Ref": "FunctionLog"})
    same("tracing", function["TracingConfig"], {"Mode": "Active"})
    version = next(r for name, r in resources.items() if name.startswith("FunctionVersion"))
    assert "${Authorization}" in version["Properties"]["Description"]["Fn::Sub"], "a changed mode is a new version"
    group = resources["FunctionDeploymentGroup"]["Properties"]
    same("roll-back", group["AlarmConfiguration"], {"Enabled": True, "Alarms": [{"Name": {"Ref": "ErrorsAlarm"}}, {"Name": {"Ref": "FailedAlarm"}}]})
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    same("deployment", resources["FunctionAliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"], {"Ref": "FunctionDeploymentGroup"})


def check_tables(resources):
    for name in ("TransactionsTable", "AggregateTable"):
        table = resources[name]
        same(f"{name} stays", (table["DeletionPolicy"], table["UpdateReplacePolicy"]), ("Retain", "Retain"))
        properties = table["Properties"]
        assert properties["DeletionProtectionEnabled"] and properties["SSESpecification"]["SSEEnabled"]
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]


def check_operation(resources):
    for name in ("FunctionLog", "AccessLog"):
        same(f"days of {name}", resources[name]["Properties"]["RetentionInDays"], 90)
    for name, alarm in resources.items():
        if alarm["Type"] == "AWS::CloudWatch::Alarm":
            same(f"{name}'s topic", alarm["Properties"]["AlarmActions"], ["arn:aws:sns:us-east-1:123456789012:alarms"])
    widgets = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"]
    assert len(widgets) == 6, len(widgets)


def main():
    template = yaml_parse(open("template.yaml").read())
    for mode in ("AWS_IAM", "JWT"):
        parameters = {name: p["Default"] for name, p in template["Parameters"].items()}
        parameters |= {"Authorization": mode, "TokenIssuer": ISSUER, "TokenAudience": AUDIENCE,
                       "AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms"}
        expanded = translate(template, parameters)
        kinds = {re.sub(r"^(FunctionVersion).*", r"\1", name): r["Type"].removeprefix("AWS::")
                 for name, r in expanded["Resources"].items()}
        same("resources", kinds, RESOURCES)
        resources = settle(expanded["Resources"], parameters, template["Conditions"])
        check_api(resources, template, mode)
        check_function(resources, template, mode)
        check_tables(resources)
        check_operation(resources)
        print(f"{mode}: {len(resources)} resources, {len(ROUTES)} routes, each with {mode}")
    json.dump(expanded, open(".cache/expanded.json", "w"))


main()
