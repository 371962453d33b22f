"""Signatures: AWS's own published example, and AWS's own signer on anything."""

import datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.secret import Secret
from chat2api_core.stores.sigv4 import AwsKeys, sign

EXAMPLE = AwsKeys("AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))


def test_the_signature_of_the_published_example_comes_out() -> None:
    """ "post-vanilla" of the Signature Version 4 test suite that AWS published."""
    now = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.UTC).timestamp()
    headers = sign(
        "https://example.amazonaws.com/",
        {},
        b"",
        keys=EXAMPLE,
        service="service",
        region="us-east-1",
        now=now,
    )
    assert headers == {
        "host": "example.amazonaws.com",
        "x-amz-date": "20150830T123600Z",
        "authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        ),
    }


@given(
    body=st.binary(max_size=200),
    session=st.text("abcXYZ019/+=", max_size=20),
    target=st.from_regex(r"[A-Za-z_0-9.]{1,30}", fullmatch=True),
    region=st.sampled_from(["eu-west-1", "us-east-1", "cn-north-1"]),
    url=st.sampled_from(["https://dynamodb.eu-west-1.amazonaws.com/", "http://127.0.0.1:5000/"]),
    now=st.integers(1_000_000_000, 4_000_000_000),
)
def test_the_signer_of_botocore_agrees(
    body: bytes, session: str, target: str, region: str, url: str, now: int
) -> None:
    auth = pytest.importorskip("botocore.auth")
    awsrequest = pytest.importorskip("botocore.awsrequest")
    credentials = pytest.importorskip("botocore.credentials")
    given_headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
    ours = sign(
        url,
        given_headers,
        body,
        keys=AwsKeys("AKID", Secret("secret/key"), Secret(session)),
        service="dynamodb",
        region=region,
        now=now,
    )
    time = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    request = awsrequest.AWSRequest("POST", url, headers=given_headers, data=body)
    request.headers["Host"] = urlsplit(url).netloc
    request.headers["X-Amz-Date"] = time
    if session:
        request.headers["X-Amz-Security-Token"] = session
    request.context["timestamp"] = time
    keys = credentials.Credentials("AKID", "secret/key", session or None)
    signer = auth.SigV4Auth(keys, "dynamodb", region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    theirs = signer.signature(text, request)
    assert ours["authorization"].endswith(f", Signature={theirs}")
    assert ours["x-amz-date"] == time
