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
    "SmokeTest": "Lambda::Function", "SmokeTestRole": "IAM::Role", "SmokeTestLog": "Logs::LogGroup",
    "Api": "ApiGatewayV2::Api", "ApiApiGatewayDefaultStage": "ApiGatewayV2::Stage",
    "TransactionsTable": "DynamoDB::Table", "AggregateTable": "DynamoDB::Table",
    "FunctionLog": "Logs::LogGroup", "AccessLog": "Logs::LogGroup",
    "ServerlessDeploymentApplication": "CodeDeploy::Application", "DeploymentRole": "IAM::Role",
    "FunctionDeploymentGroup": "CodeDeploy::DeploymentGroup", "Dashboard": "CloudWatch::Dashboard",
    **{f"{name}Alarm": "CloudWatch::Alarm" for name in (
        "VersionErrors", "VersionFailed", "Errors", "Failed", "ServerErrors", "ClientErrors", "Latency", "Throttles",
        "TryAgain")},
}
TABLES = {"TransactionsTable", "AggregateTable"}


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
    if list(node) in (["Fn::And"], ["Fn::Or"]):
        values = settle(node.get("Fn::And", node.get("Fn::Or")), parameters, conditions)
        return all(values) if "Fn::And" in node else any(values)
    if list(node) == ["Condition"] and isinstance(node["Condition"], str):
        return settle(conditions[node["Condition"]], parameters, conditions)
    if list(node) == ["Fn::Split"]:
        separator, value = settle(node["Fn::Split"], parameters, conditions)
        return value.split(separator)
    if list(node) == ["Fn::Contains"]:
        values, value = settle(node["Fn::Contains"], parameters, conditions)
        return value in values
    if list(node) == ["Ref"] and node["Ref"] in parameters:
        return parameters[node["Ref"]]
    return {key: settle(value, parameters, conditions) for key, value in node.items()}


NOTHING = {"Ref": "AWS::NoValue"}


def without(node):
    """The node without what CloudFormation leaves out."""
    if isinstance(node, list):
        return [without(n) for n in node if n != NOTHING]
    if isinstance(node, dict):
        return {key: without(value) for key, value in node.items() if value != NOTHING}
    return node


def deployed(expanded, parameters):
    """The resources that CloudFormation makes with these parameters."""
    conditions = expanded["Conditions"]
    made = {name: r for name, r in expanded["Resources"].items()
            if "Condition" not in r or settle(conditions[r["Condition"]], parameters, conditions)}
    return without(settle(made, parameters, conditions))


def broken_rules(template, parameters):
    """The assertions of the template's rules that these parameters break."""
    return [assertion["AssertDescription"] for rule in template["Rules"].values()
            if settle(rule.get("RuleCondition", True), parameters, {})
            for assertion in rule["Assertions"] if not settle(assertion["Assert"], parameters, {})]


def by_sam(template, auth):
    """The API's body as SAM writes it for an Auth property of its own."""
    template = copy.deepcopy(template)
    api = template["Resources"]["Api"]["Properties"]
    del api["DefinitionBody"]
    api["Auth"] = auth
    return translate(template, {})["Resources"]["Api"]["Properties"]["Body"]


def check_api(resources, template, mode, origins):
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
        methods = body["paths"][path]
        route = methods[METHOD]
        preflight = {"options": {"x-amazon-apigateway-integration": route["x-amazon-apigateway-integration"]}} if origins else {}
        same(f"methods of {path}", methods, {METHOD: route} | preflight)
        same(f"authorization of {path}", route["security"], [{mode: []}])
        same(f"route {path}", route, {**model["paths"][path][METHOD], "security": [{mode: []}]})
        assert "${FunctionAliaslive}" in route["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"], path
    same("origins", body.get("x-amazon-apigateway-cors", {}).get("allowOrigins", []), origins)
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


def check_function(resources, mode, tables, browsers):
    function = resources["Function"]["Properties"]
    same("environment", function["Environment"]["Variables"], {
        "AUTHORIZATION": mode, "CREDIT_SCOPE": "", "BROWSERS": browsers, "AWS_ENDPOINT_URL_DYNAMODB": "",
        "TRANSACTIONS_TABLE": tables[0], "TRANSACTIONS_AGGREGATE_TABLE": tables[1]})
    within = int(re.search(r"answerWithin = (\d+) \* time.Second", open("handler/handler.go").read())[1])
    assert within < function["Timeout"] <= 29, f"answers within {within} s, and has {function['Timeout']} s"
    same("log", function["LoggingConfig"]["LogGroup"], {"Ref": "FunctionLog"})
    same("tracing", function["TracingConfig"], {"Mode": "Active"})
    version = next(r for name, r in resources.items() if name.startswith("FunctionVersion"))
    text, named = version["Properties"]["Description"]["Fn::Sub"]
    for parameter in ("Authorization", "CreditScope", "Architecture", "ExistingTransactionsTable", "ExistingAggregateTable", "Calls"):
        assert f"${{{parameter}}}" in text, f"a changed {parameter} is a new version"
    same("calls of browsers", named, {"Calls": "browsers" if browsers else ""})
    group = resources["FunctionDeploymentGroup"]["Properties"]
    same("roll-back", group["AlarmConfiguration"], {"Enabled": True, "Alarms": [{"Name": {"Ref": "VersionErrorsAlarm"}}, {"Name": {"Ref": "VersionFailedAlarm"}}]})
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    deployment = resources["FunctionAliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    same("deployment", deployment["DeploymentGroupName"], {"Ref": "FunctionDeploymentGroup"})
    same("smoke test", deployment["BeforeAllowTrafficHook"], {"Ref": "SmokeTest"})
    tested = resources["SmokeTest"]["Properties"]["Environment"]["Variables"]["VERSION"]
    same("tested version", tested["Ref"], next(name for name in resources if name.startswith("FunctionVersion")))


def check_roles(resources, boundary):
    roles = {name: r["Properties"] for name, r in resources.items() if r["Type"] == "AWS::IAM::Role"}
    for name, role in roles.items():
        same(f"boundary of {name}", role.get("PermissionsBoundary"), boundary)
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        same(f"account of {name}", trust["Condition"], {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}})
        assert "ManagedPolicyArns" not in role, f"{name} may do what somebody else says"
    for user, name in (("Function", "Role"), ("SmokeTest", "SmokeTestRole"), ("FunctionDeploymentGroup", "DeploymentRole")):
        properties = resources[user]["Properties"]
        same(f"role of {user}", properties.get("Role", properties.get("ServiceRoleArn")), {"Fn::GetAtt": [name, "Arn"]})
    for name, action, resource in (
            ("SmokeTestRole", "lambda:InvokeFunction", {"Fn::Sub": "${Function.Arn}:*"}),
            ("DeploymentRole", "lambda:InvokeFunction", {"Fn::GetAtt": ["SmokeTest", "Arn"]})):
        statements = [s for policy in roles[name]["Policies"] for s in policy["PolicyDocument"]["Statement"]]
        same(f"what {name} may invoke", [s["Resource"] for s in statements if action in s["Action"]], [resource])


def check_tables(resources, tables, given):
    warm = {"ReadUnitsPerSecond": given["WarmReadUnits"], "WriteUnitsPerSecond": given["WarmWriteUnits"]} if "WarmReadUnits" in given else None
    maximum = {"MaxWriteRequestUnits": given["MaximumWriteUnits"]} if "MaximumWriteUnits" in given else None
    for name in tables:
        for scaled in [resources[name]["Properties"], *resources[name]["Properties"].get("GlobalSecondaryIndexes", [])]:
            same(f"throughput of {name}", (scaled.get("WarmThroughput"), scaled.get("OnDemandThroughput")), (warm, maximum))
        table = resources[name]
        same(f"{name} stays", (table["DeletionPolicy"], table["UpdateReplacePolicy"]), ("Retain", "Retain"))
        properties = table["Properties"]
        assert properties["DeletionProtectionEnabled"] and properties["SSESpecification"]["SSEEnabled"]
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]


def measured(alarm):
    """The metrics that an alarm watches, each with its dimensions."""
    properties = alarm["Properties"]
    stats = [m["MetricStat"]["Metric"] for m in properties.get("Metrics", []) if "MetricStat" in m] or [properties]
    return [(m["Namespace"], m["MetricName"], {d["Name"]: d["Value"] for d in m.get("Dimensions", [])}) for m in stats]


def check_operation(resources):
    for name in ("FunctionLog", "AccessLog", "SmokeTestLog"):
        same(f"days of {name}", resources[name]["Properties"]["RetentionInDays"], 90)
    function, version = {"Ref": "Function"}, next(name for name in resources if name.startswith("FunctionVersion"))
    number = {"Fn::GetAtt": [version, "Version"]}
    for name, alarm in resources.items():
        if alarm["Type"] != "AWS::CloudWatch::Alarm":
            continue
        told = [] if name.startswith("Version") else ["arn:aws:sns:us-east-1:123456789012:alarms", {"Ref": "AlarmMail"}]
        for action in ("AlarmActions", "OKActions"):
            same(f"{action} of {name}", alarm["Properties"].get(action, []), told)
        for namespace, metric, dimensions in measured(alarm):
            by = set(dimensions)
            if namespace == "onewrite": # the dimensions that the log line has
                assert by in ({"service"}, {"service", "version"}), (name, metric, by)
                same(f"service of {name}", dimensions["service"], function)
            if namespace == "AWS/Lambda":
                same(f"function of {name}", dimensions["FunctionName"], function)
            same(f"version of {name}", dimensions.get("version", dimensions.get("ExecutedVersion", number)), number)
        own = [metric for _, metric, dimensions in measured(alarm) if "version" in dimensions or "ExecutedVersion" in dimensions]
        same(f"{name} is of the new version", bool(own), name.startswith("Version"))
    widgets = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"]
    assert len({(w["properties"]["title"], w["x"], w["y"]) for w in widgets}) == 6, widgets


def main():
    template = yaml_parse(open("template.yaml").read())
    defaults = {name: p["Default"] for name, p in template["Parameters"].items()}
    existing = {"ExistingTransactionsTable": "old-transactions", "ExistingAggregateTable": "old-balances"}
    tokens = {"Authorization": "JWT", "TokenIssuer": ISSUER, "TokenAudience": AUDIENCE}
    alarms = {"AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms", "AlarmEmail": "on-call@example.com"}
    for what, given, broken in (
            ("nothing", {"TokenAudience": [""]}, 0), ("tokens", tokens, 0), ("existing tables", {"TokenAudience": [""]} | existing, 0),
            ("tokens of nobody", {"Authorization": "JWT", "TokenAudience": [""]}, 2),
            ("tokens for nobody", tokens | {"TokenAudience": [""]}, 1),
            ("browsers", tokens | {"CorsOrigins": "*"}, 0), ("browsers without tokens", {"TokenAudience": [""], "CorsOrigins": "*"}, 1),
            ("warm", {"TokenAudience": [""], "WarmReadUnits": 20000, "WarmWriteUnits": 9000}, 0),
            ("warm reads", {"TokenAudience": [""], "WarmReadUnits": 20000}, 1), ("warm writes", {"TokenAudience": [""], "WarmWriteUnits": 9000}, 1),
            ("one existing table", {"ExistingTransactionsTable": "old"}, 1), ("the other", {"ExistingAggregateTable": "old"}, 1)):
        found = broken_rules(template, defaults | given)
        assert len(found) == broken, (what, found)
    for title, given, missing, tables in (
            ("AWS_IAM", {}, set(), [{"Ref": "TransactionsTable"}, {"Ref": "AggregateTable"}]),
            ("JWT", tokens, set(), [{"Ref": "TransactionsTable"}, {"Ref": "AggregateTable"}]),
            ("JWT from browsers, with warm and bounded tables",
             tokens | {"CorsOrigins": "https://a.example.com,https://b.example.com", "QuietAlarmMinutes": 15,
                       "WarmReadUnits": 20000, "WarmWriteUnits": 9000, "MaximumWriteUnits": 1000},
             set(), [{"Ref": "TransactionsTable"}, {"Ref": "AggregateTable"}]),
            ("AWS_IAM with existing tables", existing | {"ReservedConcurrency": 7, "PermissionsBoundary": "arn:aws:iam::1:policy/b"},
             TABLES, ["old-transactions", "old-balances"])):
        parameters = defaults | alarms | given
        mode = parameters["Authorization"]
        expanded = translate(template, parameters)
        resources = deployed(expanded, parameters)
        kinds = {re.sub(r"^(FunctionVersion).*", r"\1", name): r["Type"].removeprefix("AWS::") for name, r in resources.items()}
        quiet = {"QuietAlarm": "CloudWatch::Alarm"} if "QuietAlarmMinutes" in given else {}
        same("resources", kinds, {
            name: kind for name, kind in (RESOURCES | {"AlarmMail": "SNS::Topic"} | quiet).items() if name not in missing})
        origins = parameters["CorsOrigins"].split(",") if parameters["CorsOrigins"] else []
        check_api(resources, template, mode, origins)
        check_function(resources, mode, tables, "true" if origins else "")
        same("reserve", resources["Function"]["Properties"].get("ReservedConcurrentExecutions"), given.get("ReservedConcurrency"))
        check_roles(resources, given.get("PermissionsBoundary"))
        check_tables(resources, TABLES - missing, given)
        check_operation(resources)
        print(f"{title}: {len(resources)} resources, {len(ROUTES)} routes, each with {mode}")
    for parameters in (defaults, defaults | {"AlarmEmail": "on-call@example.com"}):
        made = deployed(translate(template, parameters), parameters)
        same("mail", "AlarmMail" in made, bool(parameters["AlarmEmail"]))
    json.dump(expanded, open(".cache/expanded.json", "w"))


if __name__ == "__main__":
    main()
