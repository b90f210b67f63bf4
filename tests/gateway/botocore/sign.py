"""What AWS' own library, botocore, makes of requests: their signature, and the path of a model's call.

    sign.py < requests.json             the requests again, each with what botocore signs it with
    sign.py paths < models.json         the path of each model's call
    sign.py make > vectors.json         the requests of below, signed: how vectors.json was made

Nothing is sent.
"""

import datetime
import json
import sys

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session

TOKEN = "made-up/session+token==" + "x" * 900
BODY = '{"anthropic_version":"bedrock-2023-05-31","max_tokens":10,"messages":[{"role":"user","content":"hi \u00e9"}]}'


def request(model, call, **more):
    made = {
        "host": "bedrock-runtime.eu-central-1.amazonaws.com",
        "model": model,
        "path": path(model, call),
        "content_type": "application/json",
        "body": BODY,
        "region": "eu-central-1",
        "id": "AKIAMADEUP",
        "secret": "made-up/secret+key",
        "token": None,
        "time": 1800000000,
    }
    return made | more


def requests():
    arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123"
    return [
        request("anthropic.claude-opus-4-8-v1:0", "invoke"),
        request("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "invoke-with-response-stream", token=TOKEN),
        request(arn, "invoke-with-response-stream", id="ASIAMADEUP", token=TOKEN),
        request("us-gov.anthropic.claude-a", "invoke", region="us-gov-west-1", host="127.0.0.1:8443", time=951782399),
        request("eu.anthropic.claude-a", "count-tokens", content_type="application/json; charset=utf-8", body=""),
        request("eu.anthropic.claude-a", "invoke", path="/prefix/model/eu.anthropic.claude-a/invoke", body="x" * 2000),
        request("eu.anthropic.claude-a", "invoke", content_type=None, body="{}", time=4102444799),
    ]


def path(model, call):
    """As botocore's client for Bedrock writes it."""
    client = botocore.session.Session().create_client(
        "bedrock-runtime", region_name="eu-central-1", aws_access_key_id="AKIAMADEUP", aws_secret_access_key="made-up"
    )
    seen = []

    def stop(request, **_):
        seen.append(request.url.split("amazonaws.com", 1)[1])
        return botocore.awsrequest.AWSResponse(request.url, 200, {}, botocore.awsrequest.urllib3.HTTPResponse(body=b"{}", preload_content=False))

    client.meta.events.register("before-send", stop)
    try:
        if call == "count-tokens":
            client.count_tokens(modelId=model, input={"invokeModel": {"body": b"{}"}})
        elif call == "invoke":
            client.invoke_model(modelId=model, body=b"{}")
        else:
            client.invoke_model_with_response_stream(modelId=model, body=b"{}")
    except Exception:
        # What came back is no answer; the path was seen.
        pass
    return seen[0]


def signed(one):
    headers = {"content-type": one["content_type"]} if one["content_type"] else {}
    made = botocore.awsrequest.AWSRequest("POST", f"https://{one['host']}{one['path']}", headers=headers, data=one["body"].encode())
    made.headers["host"] = one["host"]
    botocore.auth.get_current_datetime = lambda *_, **__: datetime.datetime.fromtimestamp(one["time"], datetime.timezone.utc)
    keys = botocore.credentials.Credentials(one["id"], one["secret"], one["token"])
    botocore.auth.SigV4Auth(keys, "bedrock", one["region"]).add_auth(made)
    return one | {"authorization": made.headers["authorization"]}


if sys.argv[1:] == ["make"]:
    found = [signed(one) for one in requests()]
elif sys.argv[1:] == ["paths"]:
    found = [path(*one) for one in json.load(sys.stdin)]
else:
    found = [signed(one) for one in json.load(sys.stdin)]
json.dump(found, sys.stdout, indent=1)
print()
