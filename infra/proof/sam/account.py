"""A stand-in for an AWS account, for sam deploy and sam delete. It runs moto's
server, runs SAM's own translator before moto's CloudFormation, and adds features
that moto lacks:

- a change set's outputs, and the rollback of an update that fails;
- updates that compare each resource after resolving its references (moto compares
  the template's text, and forgets resources that it can't update);
- AWS::NoValue in a list;
- aliases, versions by number, alarms, HTTP APIs from OpenAPI, pipes and domain
  names (their names only), updates to a table's stream and a role's policies;
- functions that run on this machine, with the uploaded code and the environment
  from the stack;
- CodeDeploy's BeforeAllowTraffic hook, when an alias gets another version;
- the rejection of calls to a function with a concurrency of 0, and of requests
  to DynamoDB that an inline policy of the function's role denies;
- restored tables that become active only later, and their backups later still.

It checks no other permissions, no quotas and no rules of the template, and it
shifts no traffic.

usage: account.py PORT
"""
import base64
import copy
import http.server
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile

PORT = int(sys.argv[1])
URL, REGION = f"http://127.0.0.1:{PORT}", "us-east-1"
os.environ |= {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_ENDPOINT_URL": URL}

import boto3
from moto.awslambda import exceptions, models as functions
from moto.cloudformation import models as stacks, parsing
from moto.codedeploy.responses import CodeDeployResponse
from moto.core.common_models import CloudFormationModel
from moto.core.responses import ActionResult
from moto.dynamodb.exceptions import DynamodbException
from moto.dynamodb.models.table import RestoredPITTable, Table
from moto.dynamodb.responses import DynamoHandler
from moto.iam.models import Role, iam_backends
from moto.server import main
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def aws(service):
    """Returns a client for this account."""
    return boto3.client(service, region_name=REGION, endpoint_url=URL)


# ---- templates and stacks

def parse(change):
    """Parses a change set's template, and expands it if it is a SAM template."""
    parse_text(change)
    template = change.template_dict
    if template.get("Transform") == "AWS::Serverless-2016-10-31":
        given = {name: p["Default"] for name, p in template.get("Parameters", {}).items()} | change.parameters
        change.template_dict = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION)).translate(
            json.loads(json.dumps(template)), given | {"AWS::Region": REGION})


parse_text = stacks.ChangeSet._parse_template
stacks.ChangeSet._parse_template = parse


def execute(backend, change_set_name, stack_name=None):
    """Executes a change set, and rolls back an update that fails."""
    change = backend.describe_change_set(change_set_name)
    stack = backend.stacks[change.stack_id]
    resources = stack.resource_map
    before = resources._template, resources.input_parameters
    parsed, settled = dict(resources._parsed_resources), dict(resources.__dict__.get("settled", {}))
    try:
        execute_unguarded(backend, change_set_name, stack_name)
    except Exception as cause:
        if change.change_set_type == "CREATE":
            raise
        print("roll back:", repr(cause), flush=True)
        stack._add_stack_event("UPDATE_FAILED", resource_status_reason=str(cause))
        for name, made in parsed.items():
            if isinstance(made, functions.LambdaVersion):  # keep the previous version, which still exists
                resources._parsed_resources[name], resources.settled[name] = made, settled[name]
        resources.update(*before)
        stack._add_stack_event("UPDATE_ROLLBACK_COMPLETE")
        stack.status = "UPDATE_ROLLBACK_COMPLETE"
        return
    stack.template_dict, stack.parameters = change.template_dict, resources.input_parameters
    stack.output_map = stack._create_output_map()


execute_unguarded = stacks.CloudFormationBackend.execute_change_set
stacks.CloudFormationBackend.execute_change_set = execute


def clean(node, resources):
    """Resolves a part of a template. Unlike moto, it leaves AWS::NoValue out of lists."""
    settled = clean_all(node, resources)
    return [n for n in settled if n is not None] if isinstance(node, list) else settled


clean_all = parsing.clean_json
parsing.clean_json = clean


def references(node):
    """Yields the names that a part of a template refers to."""
    if isinstance(node, list):
        for n in node:
            yield from references(n)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("Ref", "Fn::GetAtt"):
                yield value if isinstance(value, str) else value[0]
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)", value if isinstance(value, str) else value[0])
            if not isinstance(value, str):
                yield from references(value)


def update(resources, template, parameters=None):
    """Creates and updates a template's resources, each after those that it refers to,
    and then deletes all others. It skips unchanged resources."""
    before = dict(resources._resource_json_map)
    resources._template, resources._resource_json_map = template, template["Resources"]
    if parameters is not None:
        resources.input_parameters = dict(parameters)
    resources.load_mapping()
    resources.load_parameters()
    resources.load_conditions()
    settled, seen = resources.__dict__.setdefault("settled", {}), set()

    def settle(name):
        wanted = template["Resources"].get(name)
        if wanted is None or name in seen or not resources.lazy_condition_map.get(wanted.get("Condition"), True):
            return
        seen.add(name)
        for other in references(wanted):
            settle(other)
        if resources._parsed_resources.get(name) is None:
            resources[name]  # looking the resource up creates it
        now = parsing.clean_json(copy.deepcopy(wanted), resources)
        if settled.get(name, now) != now:
            print("update", name, flush=True)
            changed = parsing.parse_and_update_resource(name, copy.deepcopy(wanted), resources, resources._account_id, REGION)
            assert changed is not None, f"moto can't update {name}"
            resources._parsed_resources[name] = changed
        settled[name] = now

    for name in template["Resources"]:
        settle(name)
    for name in before.keys() - seen:
        settled.pop(name, None)
        gone = resources._parsed_resources.pop(name, None)
        if gone is not None and before[name].get("DeletionPolicy") != "Retain":
            resources._delete_resource(gone, before[name])


parsing.ResourceMap.update = update


# moto's map contains None for a resource that a condition leaves out.
stacks.Stack.stack_resources = property(lambda stack: [r for r in stack.resource_map.values() if r is not None])


# ---- resource types

def kind(name, attributes=(), naming=None):
    """Registers a class as a CloudFormation resource type."""
    def define(cls):
        members = {
            "__module__": "moto.account", "cloudformation_type": staticmethod(lambda: name),
            "cloudformation_name_type": staticmethod(lambda: naming), "has_cfn_attr": classmethod(lambda _, a: a in attributes),
        }
        members |= {key: value for key, value in vars(cls).items() if not key.startswith("__")}
        return type(cls.__name__, (CloudFormationModel,), members)
    return define


@kind("AWS::CloudWatch::Alarm", naming="AlarmName")
class Alarm:
    @classmethod
    def create_from_cloudformation_json(cls, name, resource, account, region, **_):
        aws("cloudwatch").put_metric_alarm(**{"AlarmName": name} | resource["Properties"])
        alarm = cls()
        alarm.physical_resource_id = name
        return alarm

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
        return cls.create_from_cloudformation_json(original_resource.physical_resource_id, cloudformation_json, account_id, region_name)

    def delete(self, account, region):
        aws("cloudwatch").delete_alarms(AlarmNames=[self.physical_resource_id])


@kind("AWS::Lambda::Alias")
class Alias:
    @classmethod
    def create_from_cloudformation_json(cls, name, resource, account, region, **_):
        properties = resource["Properties"]
        alias = cls()
        alias.physical_resource_id = aws("lambda").create_alias(**properties)["AliasArn"]
        alias.version = properties["FunctionVersion"]
        return alias

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
        version = cloudformation_json["Properties"]["FunctionVersion"]
        if version != original_resource.version:
            shift(cloudformation_json["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"])
        aws("lambda").update_alias(**cloudformation_json["Properties"])
        original_resource.version = version
        return original_resource

    def delete(self, account, region):
        pass  # its function's deletion deletes the alias too


verdicts = {}  # each hook's status, by execution id


def shift(policy):
    """Runs a deployment's hook. Only the hook decides here whether the alias may get the new version."""
    execution = str(uuid.uuid4())
    aws("lambda").invoke(FunctionName=policy["BeforeAllowTrafficHook"], Payload=json.dumps(
        {"DeploymentId": "d-STANDIN", "LifecycleEventHookExecutionId": execution}))
    verdict = verdicts.get(execution)
    print(f"hook of {policy['ApplicationName']}: {verdict}", flush=True)
    if verdict != "Succeeded":
        raise RuntimeError(f"BeforeAllowTraffic: {verdict}")


def put_lifecycle_event_hook_execution_status(self):
    execution = self._get_param("lifecycleEventHookExecutionId")
    verdicts[execution] = self._get_param("status")
    return ActionResult({"lifecycleEventHookExecutionId": execution})


CodeDeployResponse.put_lifecycle_event_hook_execution_status = put_lifecycle_event_hook_execution_status


def only_named(name, *attributes):
    """Defines a resource type that has only a name here, and attributes derived from the name."""
    def create(cls, resource_name, resource, account, region, **_):
        made = cls()
        made.physical_resource_id = resource_name
        return made
    return kind(name, attributes)(type(name.replace("::", ""), (), {
        "create_from_cloudformation_json": classmethod(create),
        "update_from_cloudformation_json": classmethod(lambda cls, original_resource, **_: original_resource),
        "get_cfn_attribute": lambda made, attribute: f"{made.physical_resource_id}.{attribute}",
        "delete": lambda *_: None,
    }))


NAMED = [only_named(name) for name in (
    "AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup", "AWS::Pipes::Pipe", "AWS::ApiGatewayV2::ApiMapping")]
NAMED.append(only_named("AWS::ApiGatewayV2::DomainName", "RegionalDomainName"))


def update_table(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    """Turns a table's stream on or off. moto's CloudFormation can't update a table."""
    wanted = cloudformation_json["Properties"].get("StreamSpecification")
    original_resource.set_stream_specification(dict(wanted) if wanted else None)
    if not wanted:
        original_resource.stream_shard = None  # otherwise moto still records changes
    return original_resource


Table.update_from_cloudformation_json = classmethod(update_table)


@kind("AWS::ApiGatewayV2::Api", ("ApiId", "ApiEndpoint"))
class Api:
    @classmethod
    def create_from_cloudformation_json(cls, name, resource, account, region, **_):
        api = cls()
        api.physical_resource_id = aws("apigatewayv2").create_api(
            Name=resource["Properties"]["Body"]["info"]["title"], ProtocolType="HTTP")["ApiId"]
        api.import_body(resource["Properties"]["Body"])
        return api

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
        original_resource.import_body(cloudformation_json["Properties"]["Body"])
        return original_resource

    def get_cfn_attribute(self, attribute):
        return self.physical_resource_id

    def delete(self, account, region):
        aws("apigatewayv2").delete_api(ApiId=self.physical_resource_id)

    def import_body(self, body):
        """Replaces the API with the one in an OpenAPI document, as an import does."""
        api, gateway = {"ApiId": self.physical_resource_id}, aws("apigatewayv2")
        routes = gateway.get_routes(**api)["Items"]
        for route in routes:
            gateway.delete_route(**api, RouteId=route["RouteId"])
        for authorizer in {route["AuthorizerId"] for route in routes if route.get("AuthorizerId")}:
            gateway.delete_authorizer(**api, AuthorizerId=authorizer)
        cors = body.get("x-amazon-apigateway-cors", {})
        gateway.update_api(**api, CorsConfiguration={name[0].upper() + name[1:]: value for name, value in cors.items()})
        for server in body.get("servers", []):
            closed = server.get("x-amazon-apigateway-endpoint-configuration", {}).get("disableExecuteApiEndpoint")
            if closed is not None:  # otherwise an API keeps its present setting
                gateway.update_api(**api, DisableExecuteApiEndpoint=closed)
        authorizations = {}
        for name, scheme in body["components"]["securitySchemes"].items():
            authorizations[name] = {"AuthorizationType": "AWS_IAM"}
            if "x-amazon-apigateway-authorizer" in scheme:
                settings = scheme["x-amazon-apigateway-authorizer"]
                jwt = settings["jwtConfiguration"]
                authorizations[name] = {"AuthorizationType": "JWT", "AuthorizerId": gateway.create_authorizer(
                    **api, Name=name, AuthorizerType="JWT", IdentitySource=[settings["identitySource"]],
                    JwtConfiguration={"Issuer": jwt["issuer"], "Audience": jwt["audience"]})["AuthorizerId"]}
        shared = body["components"].get("x-amazon-apigateway-integrations", {})
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                integration = operation["x-amazon-apigateway-integration"]
                if "$ref" in integration:
                    integration = shared[integration["$ref"].split("/")[-1]]
                made = gateway.create_integration(
                    **api, IntegrationType="AWS_PROXY", IntegrationUri=integration["uri"], PayloadFormatVersion=integration["payloadFormatVersion"])
                schemes = [name for requirement in operation.get("security", []) for name in requirement]
                authorization = authorizations[schemes[0]] if schemes else {"AuthorizationType": "NONE"}
                verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
                gateway.create_route(**api, **authorization, RouteKey=f"{verb} {path}", Target="integrations/" + made["IntegrationId"])


@kind("AWS::ApiGatewayV2::Stage")
class Stage:
    @classmethod
    def create_from_cloudformation_json(cls, name, resource, account, region, **_):
        properties = resource["Properties"]
        aws("apigatewayv2").create_stage(ApiId=properties["ApiId"], StageName=properties["StageName"])
        stage = cls()
        stage.physical_resource_id = properties["StageName"]
        return stage

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, **_):
        return original_resource

    def delete(self, account, region):
        pass  # deleted with its API


# ---- versions, functions and roles, which moto supports in part

def publish(cls, name, resource, account, region, **_):
    function = functions.lambda_backends[account][region].publish_version(resource["Properties"]["FunctionName"])
    version = cls({"Version": function.version})
    version.physical_resource_id = f"arn:aws:lambda:{region}:{account}:function:{function.function_name}:{function.version}"
    return version


functions.LambdaVersion.create_from_cloudformation_json = classmethod(publish)
functions.LambdaVersion.update_from_cloudformation_json = classmethod(
    lambda cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name:
    publish(cls, new_resource_name, cloudformation_json, account_id, region_name))
functions.LambdaVersion.has_cfn_attr = classmethod(lambda cls, attribute: attribute == "Version")
functions.LambdaVersion.get_cfn_attribute = lambda self, attribute: str(self.version)
functions.LambdaVersion.delete = lambda *_: None  # deleted with its function


def update_function(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    properties = copy.deepcopy(cloudformation_json["Properties"])
    if "ZipFile" in properties["Code"]:
        properties["Code"]["ZipFile"] = base64.b64encode(cls._create_zipfile_from_plaintext_code(properties["Code"]["ZipFile"]))
    original_resource.update_configuration(properties)
    original_resource.update_function_code(properties["Code"])
    original_resource.code_or_config_updated = True
    return original_resource


functions.LambdaFunction.update_from_cloudformation_json = classmethod(update_function)


def update_role(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    for policy in cloudformation_json["Properties"].get("Policies", []):
        original_resource.put_policy(policy["PolicyName"], json.dumps(policy["PolicyDocument"]))
    return original_resource


Role.update_from_cloudformation_json = classmethod(update_role)


class TooManyRequests(exceptions.LambdaClientError):
    code = 429


def invoke(self, body, request_headers, response_headers):
    """Runs a function for one event, with its code and environment, as Lambda does."""
    if functions.lambda_backends[self.account_id][REGION].get_function(self.function_name).reserved_concurrency == 0:
        raise TooManyRequests("TooManyRequestsException", "Rate Exceeded.")
    environment = {
        "PATH": os.environ["PATH"], "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": self.role.split("/")[-1],
        "AWS_SECRET_ACCESS_KEY": "none", "AWS_LAMBDA_FUNCTION_NAME": self.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(self.version), "AWS_ENDPOINT_URL": URL,
    } | self.environment_vars
    environment["AWS_ENDPOINT_URL_DYNAMODB"] = environment.get("AWS_ENDPOINT_URL_DYNAMODB") or URL
    run = run_python if self.run_time.startswith("python") else run_bootstrap
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(io.BytesIO(self.code_bytes)).extractall(folder)
        answer, log = run(folder, environment, (body or "{}").encode() if isinstance(body, str) else body or b"{}", self.timeout)
    print(log, flush=True)
    if answer is None:
        response_headers["x-amz-function-error"] = "Unhandled"
    response_headers["x-amz-log-result"] = base64.b64encode(log.encode()[-4096:]).decode()
    return answer or json.dumps({"errorMessage": "the function failed"}).encode()


functions.LambdaFunction.invoke = invoke


def run_python(folder, environment, event, timeout):
    """Runs the handler in index.py."""
    code = "import index, json, sys; answer = index.handler(json.load(sys.stdin), None); open('answer', 'w').write(json.dumps(answer))"
    done = subprocess.run([sys.executable, "-c", code], input=event, cwd=folder, env=environment, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    answer = open(f"{folder}/answer", "rb").read() if done.returncode == 0 else None
    return answer, done.stdout.decode()


def run_bootstrap(folder, environment, event, timeout):
    """Runs a binary against a Lambda Runtime API that serves one event.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """
    given, answered, ended, answers = threading.Event(), threading.Event(), threading.Event(), []

    class Runtime(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if given.is_set():
                ended.wait()  # there is no second event, so the request waits
                return
            given.set()
            self.send_response(200)
            for name, value in (("Aws-Request-Id", str(uuid.uuid4())), ("Deadline-Ms", str(int((time.time() + timeout) * 1000)))):
                self.send_header("Lambda-Runtime-" + name, value)
            self.send_header("Content-Length", str(len(event)))
            self.end_headers()
            self.wfile.write(event)

        def do_POST(self):
            answer = self.rfile.read(int(self.headers["Content-Length"])) if "Content-Length" in self.headers else self.chunks()
            answers.append(answer if self.path.endswith("/response") else None)
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()
            answered.set()

        def chunks(self):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            return body

        def log_message(self, *_):
            pass

    runtime = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Runtime)
    runtime.daemon_threads = True
    threading.Thread(target=runtime.serve_forever, daemon=True).start()
    binary = f"{folder}/bootstrap"
    os.chmod(binary, 0o755)
    process = subprocess.Popen([binary], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=environment | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.server_port}"})
    given.wait(10)  # Lambda's limit for the init phase
    answered.wait(timeout)
    process.kill()
    ended.set()
    log = process.communicate()[0].decode()
    runtime.shutdown()
    return answers[0] if answers else None, log


# ---- DynamoDB: moto checks no permissions for it, and restores tables at once

WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def actions(action, parameters):
    """Returns the IAM actions that a request needs."""
    if action == "TransactWriteItems":
        return {f"dynamodb:{WRITES[kind]}" for item in parameters["TransactItems"] for kind in item}
    return {f"dynamodb:{action}"}


def denied(role):
    """Returns the actions that a role's inline policies deny, on any resource."""
    role = next((r for r in iam_backends["123456789012"]["aws"].roles.values() if r.name == role), None)
    documents = [json.loads(d) if isinstance(d, str) else d for d in role.policies.values()] if role else []
    return {action for document in documents for statement in document["Statement"] if statement["Effect"] == "Deny"
            for action in statement["Action"]}


def call(self):
    """Answers a request, unless it is denied or its table is not ready. A function's access key is its role's name."""
    action, parameters = self._get_action(), self.params
    caller = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))[1]
    if actions(action, parameters) & denied(caller):
        raise DynamodbException("com.amazon.coral.service#AccessDeniedException", f"{caller} is not authorized to perform {action}: an explicit deny")
    table = self.dynamodb_backend.tables.get(parameters.get("TableName"))
    if isinstance(table, RestoredPITTable) and action in ("UpdateTable", "UpdateContinuousBackups"):
        if table.__dict__.get("looks", 0) < LOOKS:
            raise DynamodbException("com.amazonaws.dynamodb.v20120810#ResourceInUseException", "the table is being created")
        table.tries = table.__dict__.get("tries", 0) + (action == "UpdateContinuousBackups")
        if action == "UpdateContinuousBackups" and table.tries < LOOKS:
            raise DynamodbException("com.amazonaws.dynamodb.v20120810#ContinuousBackupsUnavailableException", "Backups are being enabled for the table")
    answer = call_at_once(self)
    if action == "RestoreTableToPointInTime":
        override = parameters.get("SSESpecificationOverride", {})
        self.dynamodb_backend.tables[parameters["TargetTableName"]].sse_specification = override | {"KMSMasterKeyId": "the account's"}
    return answer


LOOKS = 3  # the describe call at which a restored table is active, and the attempt at which its backups can be turned on
call_at_once, DynamoHandler.call_action = DynamoHandler.call_action, call


def describe(self, base_key="TableDescription"):
    described = describe_at_once(self, base_key)
    if base_key == "Table":
        self.looks = self.__dict__.get("looks", 0) + 1
    if self.__dict__.get("looks", 0) < LOOKS:
        described[base_key]["TableStatus"] = "CREATING"
    return described


describe_at_once, RestoredPITTable.describe = RestoredPITTable.describe, describe

main(["-H", "127.0.0.1", "-p", str(PORT)])
