"""Expands template.yaml with SAM's own translator, for several sets of parameters, and
checks the resulting resources. go test ./infra checks the template's own values.
Writes .cache/expanded.json."""
import copy
import json
import re

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ISSUER, AUDIENCE = "https://issuer.example.com", ["client"]

# A Go test checks that these routes match handler/routes.go and openapi.yaml.
EVENTS = yaml_parse(open("template.yaml").read())["Resources"]["Function"]["Properties"]["Events"]
ROUTES = sorted(f'{event["Properties"]["Method"]} {event["Properties"]["Path"]}' for event in EVENTS.values())

# The deployed resources and their types. SAM adds a hash to the name FunctionVersion.
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
SERVICES = {  # created only in JWT mode
    "ServiceApi": "ApiGatewayV2::Api", "ServiceApiApiGatewayDefaultStage": "ApiGatewayV2::Stage", "ServicePermission": "Lambda::Permission",
    **{f"Service{name}Alarm": "CloudWatch::Alarm" for name in ("ServerErrors", "ClientErrors", "Latency")},
}
DOMAIN = {"Domain": "ApiGatewayV2::DomainName", "DomainMapping": "ApiGatewayV2::ApiMapping"}
SERVICE_DOMAIN = {f"Service{name}": kind for name, kind in DOMAIN.items()}


def same(what, got, want):
    assert got == want, f"{what}:\n  got  {got}\n  want {want}"


def translate(template, parameters):
    template = copy.deepcopy(template)
    template["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/key"
    return Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1")).translate(template, parameters)


def settle(node, parameters, conditions):
    """Resolves conditions and references to parameters, as CloudFormation does."""
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
    if list(node) == ["Ref"] and node["Ref"] in parameters:
        return parameters[node["Ref"]]
    return {key: settle(value, parameters, conditions) for key, value in node.items()}


NOTHING = {"Ref": "AWS::NoValue"}


def without(node):
    """Returns the node without AWS::NoValue, which CloudFormation leaves out."""
    if isinstance(node, list):
        return [without(n) for n in node if n != NOTHING]
    if isinstance(node, dict):
        return {key: without(value) for key, value in node.items() if value != NOTHING}
    return node


def deployed(expanded, parameters):
    """Returns the resources that CloudFormation creates with these parameters."""
    conditions = expanded["Conditions"]
    made = {name: r for name, r in expanded["Resources"].items()
            if "Condition" not in r or settle(conditions[r["Condition"]], parameters, conditions)}
    return without(settle(made, parameters, conditions))


def broken_rules(template, parameters):
    """Returns the assertions in the template's rules that these parameters break."""
    return [assertion["AssertDescription"] for rule in template["Rules"].values()
            if settle(rule.get("RuleCondition", True), parameters, {})
            for assertion in rule["Assertions"] if not settle(assertion["Assert"], parameters, {})]


def by_sam(template, auth):
    """Returns the API body that SAM generates for an Auth property."""
    template = copy.deepcopy(template)
    api = template["Resources"]["Api"]["Properties"]
    del api["DefinitionBody"]
    api["Auth"] = auth
    return translate(template, {})["Resources"]["Api"]["Properties"]["Body"]


def check_api(resources, template, mode, origins):
    body = resources["Api"]["Properties"]["Body"]
    same("routes", sorted(f"{method.upper()} {path}" for path, methods in body["paths"].items() for method in methods), ROUTES)
    auth = {"DefaultAuthorizer": "AWS_IAM", "EnableIamAuthorizer": True}
    if mode == "JWT":
        auth = {"DefaultAuthorizer": "JWT", "Authorizers": {"JWT": {
            "IdentitySource": "$request.header.Authorization",
            "JwtConfiguration": {"issuer": ISSUER, "audience": AUDIENCE}}}}
    model = by_sam(template, auth)
    same("authorizers", body["components"], model["components"])
    for path, methods in body["paths"].items():
        for method, route in methods.items():
            same(f"route {method} {path}", route, {**model["paths"][path][method], "security": [{mode: []}]})
            assert "${FunctionAliaslive}" in route["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"], path
    same("origins", body.get("x-amazon-apigateway-cors", {}).get("allowOrigins", []), origins)
    for name, event in EVENTS.items():
        permission = resources[f"Function{name}Permission"]["Properties"]
        source = permission.pop("SourceArn")["Fn::Sub"]
        path = re.sub(r"{\w+}", "*", event["Properties"]["Path"])
        assert source[0].endswith(f"${{__ApiId__}}/${{__Stage__}}/{event['Properties']['Method']}{path}"), source
        same(f"API of {name}", source[1]["__ApiId__"], {"Ref": "Api"})
        same(f"permission of {name}", permission, {
            "Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "FunctionAliaslive"}, "Principal": "apigateway.amazonaws.com"})


def check_service_api(resources, template):
    """Checks that the API for services has the routes, authorizer and integration that SAM generates for IAM."""
    body = copy.deepcopy(resources["ServiceApi"]["Properties"]["Body"])
    model = by_sam(template, {"DefaultAuthorizer": "AWS_IAM", "EnableIamAuthorizer": True})
    same("authorizers of services", body["components"], model["components"])
    same("routes of services", sorted(body["paths"]), sorted(model["paths"]))
    for path, methods in model["paths"].items():
        same(f"methods of services at {path}", sorted(body["paths"][path]), sorted(methods))
        for method, route in methods.items():
            own = body["paths"][path][method]
            same(f"authorization of services {method} {path}", own["security"], [{"AWS_IAM": []}])
            integration = own["x-amazon-apigateway-integration"]
            text, names = integration["uri"]["Fn::Sub"]
            text = text.replace("${Alias}", f"${{{names['Alias']['Ref']}}}")
            same(f"integration of services {method} {path}", integration | {"uri": {"Fn::Sub": text}}, route["x-amazon-apigateway-integration"])
    same("origins of services", "x-amazon-apigateway-cors" in body, False)
    same("permission of services", resources["ServicePermission"]["Properties"], {
        "Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "FunctionAliaslive"}, "Principal": "apigateway.amazonaws.com",
        "SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${ServiceApi}/*"}})


def check_domain(resources, prefix, parameters):
    """Checks that the API's execute-api address is open unless the parameters disable it, and that a domain name maps to the API's stage."""
    servers = resources[f"{prefix}Api"]["Properties"]["Body"]["servers"]
    same(f"{prefix}Api's own address", servers, [{"x-amazon-apigateway-endpoint-configuration": {
        "disableExecuteApiEndpoint": parameters[f"{prefix}DisableExecuteApiEndpoint"] == "true"}}])
    if parameters[f"{prefix}DomainName"]:
        same(f"mapping of {prefix}Domain", resources[f"{prefix}DomainMapping"]["Properties"], {
            "DomainName": {"Ref": f"{prefix}Domain"}, "ApiId": {"Ref": f"{prefix}Api"}, "Stage": {"Ref": f"{prefix}ApiApiGatewayDefaultStage"}})


def check_deployment(resources):
    version = next(name for name in resources if name.startswith("FunctionVersion"))
    group = resources["FunctionDeploymentGroup"]["Properties"]
    same("roll-back", group["AlarmConfiguration"], {"Enabled": True, "Alarms": [{"Name": {"Ref": "VersionErrorsAlarm"}}, {"Name": {"Ref": "VersionFailedAlarm"}}]})
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    same("role", group["ServiceRoleArn"], {"Fn::GetAtt": ["DeploymentRole", "Arn"]})
    deployment = resources["FunctionAliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    same("deployment", deployment["DeploymentGroupName"], {"Ref": "FunctionDeploymentGroup"})
    same("smoke test", deployment["BeforeAllowTrafficHook"], {"Ref": "SmokeTest"})
    same("tested version", resources["SmokeTest"]["Properties"]["Environment"]["Variables"]["VERSION"], {"Ref": version})
    for name in ("VersionErrorsAlarm", "VersionFailedAlarm"):
        part = measured(resources[name])[0][2]
        same(f"version of {name}", part.get("version", part.get("ExecutedVersion")), {"Fn::GetAtt": [version, "Version"]})
    for name, role in resources.items():
        assert role["Type"] != "AWS::IAM::Role" or "ManagedPolicyArns" not in role["Properties"], f"{name} has the rights of another policy"


def measured(alarm):
    """Returns the metrics that an alarm watches, each with its dimensions."""
    properties = alarm["Properties"]
    stats = [m["MetricStat"]["Metric"] for m in properties.get("Metrics", []) if "MetricStat" in m] or [properties]
    return [(m["Namespace"], m["MetricName"], {d["Name"]: d["Value"] for d in m.get("Dimensions", [])}) for m in stats]


def main():
    template = yaml_parse(open("template.yaml").read())
    defaults = {name: p["Default"] for name, p in template["Parameters"].items()}
    existing = {"ExistingTransactionsTable": "old-transactions", "ExistingAggregateTable": "old-balances"}
    tokens = {"Authorization": "JWT", "TokenIssuer": ISSUER, "TokenAudience": ",".join(AUDIENCE)}
    domain = {"DomainName": "ledger.example.com", "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}
    service_domain = {f"Service{name}": value for name, value in domain.items()}
    alarms = {"AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms", "AlarmEmail": "on-call@example.com"}
    for what, given, broken in (
            ("nothing", {}, 0), ("tokens", tokens, 0), ("existing tables", existing, 0),
            ("tokens without an issuer", {"Authorization": "JWT"}, 2),
            ("tokens without an audience", tokens | {"TokenAudience": ""}, 1),
            ("browsers", tokens | {"CorsOrigins": "*"}, 0), ("browsers without tokens", {"CorsOrigins": "*"}, 1),
            ("a domain", domain, 0), ("only a domain", domain | {"DisableExecuteApiEndpoint": "true"}, 0),
            ("a domain without a certificate", domain | {"CertificateArn": ""}, 1), ("no address", {"DisableExecuteApiEndpoint": "true"}, 1),
            ("a domain for services", tokens | service_domain, 0), ("a domain for services without tokens", service_domain, 1),
            ("a domain for services without a certificate", tokens | service_domain | {"ServiceCertificateArn": ""}, 1),
            ("no address for services", tokens | {"ServiceDisableExecuteApiEndpoint": "true"}, 1),
            ("warm", {"WarmReadUnits": 20000, "WarmWriteUnits": 9000}, 0),
            ("warm reads", {"WarmReadUnits": 20000}, 1), ("warm writes", {"WarmWriteUnits": 9000}, 1),
            ("warm existing tables", existing | {"WarmReadUnits": 20000, "WarmWriteUnits": 9000}, 1),
            ("maximum throughput of existing tables", existing | {"MaximumReadUnits": 9000}, 1),
            ("one existing table", {"ExistingTransactionsTable": "old"}, 1),
            ("the other existing table", {"ExistingAggregateTable": "old"}, 1)):
        found = broken_rules(template, defaults | given)
        assert len(found) == broken, (what, found)
    for title, given, missing in (
            ("AWS_IAM", {}, set()), ("JWT", tokens, set()),
            ("JWT from browsers, with warm tables and maximum throughput", tokens | {
                "CorsOrigins": "https://a.example.com,https://b.example.com", "QuietAlarmMinutes": 15,
                "WarmReadUnits": 20000, "WarmWriteUnits": 9000, "MaximumWriteUnits": 1000}, set()),
            ("AWS_IAM with only a domain", domain | {"DisableExecuteApiEndpoint": "true"}, set()),
            ("JWT with two domains", tokens | domain | service_domain | {"ServiceDisableExecuteApiEndpoint": "true"}, set()),
            ("AWS_IAM with existing tables", existing | {"ReservedConcurrency": 7, "PermissionsBoundary": "arn:aws:iam::1:policy/b"}, TABLES)):
        parameters = defaults | alarms | given
        mode = parameters["Authorization"]
        expanded = translate(template, parameters)
        resources = deployed(expanded, parameters)
        kinds = {re.sub(r"^(FunctionVersion).*", r"\1", name): r["Type"].removeprefix("AWS::") for name, r in resources.items()}
        quiet = {"QuietAlarm": "CloudWatch::Alarm"} if "QuietAlarmMinutes" in given else {}
        domains = (DOMAIN if "DomainName" in given else {}) | (SERVICE_DOMAIN if "ServiceDomainName" in given else {})
        same("resources", kinds, {name: kind for name, kind in (
            RESOURCES | {"AlarmMail": "SNS::Topic"} | quiet | domains | (SERVICES if mode == "JWT" else {})).items() if name not in missing})
        check_domain(resources, "", parameters)
        if mode == "JWT":
            check_service_api(resources, template)
            check_domain(resources, "Service", parameters)
        check_api(resources, template, mode, parameters["CorsOrigins"].split(",") if parameters["CorsOrigins"] else [])
        check_deployment(resources)
        print(f"{title}: {len(resources)} resources, {len(ROUTES)} routes, each with {mode}")
    for parameters in (defaults, defaults | {"AlarmEmail": "on-call@example.com"}):
        made = deployed(translate(template, parameters), parameters)
        same("mail", "AlarmMail" in made, bool(parameters["AlarmEmail"]))
    json.dump(expanded, open(".cache/expanded.json", "w"))


if __name__ == "__main__":
    main()
