"""Which URLs and addresses are let through: the hostile ones are not."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.fetch.address import Place, follow, is_public, read_url
from chat2api_core.problem import Kind, Problem


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", Place("https", "a.example", 443, "/")),
        ("HTTP://A.Example:80/x.png?y=1#z", Place("http", "a.example", 80, "/x.png?y=1")),
        ("https://a.example.:8443/", Place("https", "a.example", 8443, "/")),
        ("https://bücher.example/ä b".replace(" ", "%20"),
         Place("https", "xn--bcher-kva.example", 443, "/%C3%A4%20b")),
        ("https://a.example/a%2Fb?c=d%20e", Place("https", "a.example", 443, "/a%2Fb?c=d%20e")),
        ("http://93.184.216.34/", Place("http", "93.184.216.34", 80, "/")),
        ("http://[2606:2800:220:1::1]/", Place("http", "2606:2800:220:1::1", 80, "/")),
        ("https://my_bucket.s3.example/", Place("https", "my_bucket.s3.example", 443, "/")),
    ],
)  # fmt: skip
def test_an_ordinary_url_says_where_to_go(url: str, expected: Place) -> None:
    assert read_url(url) == expected


def test_the_host_header_has_brackets_and_unusual_ports() -> None:
    assert read_url("https://a.example:443/").authority == "a.example"
    assert read_url("https://a.example:8443/x").url == "https://a.example:8443/x"
    assert read_url("http://[2606:2800:220:1::1]:8080/").authority == "[2606:2800:220:1::1]:8080"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "only http and https"),
        ("ftp://a.example/x", "only http and https"),
        ("gopher://127.0.0.1:6379/_SET", "only http and https"),
        ("data:text/plain,x", "only http and https"),
        ("//a.example/x", "only http and https"),
        ("a.example/x", "only http and https"),
        ("", "only http and https"),
        ("http://user@a.example/", "user name"),
        ("http://user:word@a.example/", "user name"),
        ("http://a.example@127.0.0.1/", "user name"),
        ("http://:@127.0.0.1/", "user name"),
        ("http://a.example\\@127.0.0.1/", "backslashes"),
        ("http://a.example\\.b.example/", "backslashes"),
        ("http://127.0.0.1\t.a.example/", "blanks"),
        ("http://a.example/ x", "blanks"),
        ("http://a.example/\r\nx: y", "blanks"),
        ("http://a.example/\x00", "blanks"),
        ("http://2130706433/", "number that is not a plain address"),
        ("http://0x7f000001/", "number that is not a plain address"),
        ("http://0x7f.0.0.1/", "number that is not a plain address"),
        ("http://0177.0.0.1/", "number that is not a plain address"),
        ("http://017700000001/", "number that is not a plain address"),
        ("http://127.1/", "number that is not a plain address"),
        ("http://127.0.1/", "number that is not a plain address"),
        ("http://0/", "number that is not a plain address"),
        ("http://0x/", "number that is not a plain address"),
        ("http://127.0.0.1.1/", "number that is not a plain address"),
        ("http://a.1/", "number that is not a plain address"),
        ("http://127.0.0.256/", "number that is not a plain address"),
        ("http://\uff11\uff12\uff17.1/", "number that is not a plain address"),
        ("http://127。1/", "number that is not a plain address"),
        ("http://localhost/", "local one"),
        ("http://LOCALHOST./", "local one"),
        ("http://ⓛocalhost/", "local one"),
        ("http://a.localhost/", "local one"),
        ("http://printer.local/", "local one"),
        ("http://metadata.google.internal/", "local one"),
        ("http://router.lan/", "local one"),
        ("http://nas.home.arpa/", "local one"),
        ("http:///x", "not a valid name"),
        ("http://a..example/", "not a valid name"),
        ("http://a.example../", "not a valid name"),
        ("http://127.0.0.1%00.a.example/", "not a valid name"),
        ("http://%31%32%37.0.0.1/", "not a valid name"),
        ("http://a.exa mple/".replace(" ", "\u3000"), "not a valid name"),
        ("http://" + "a." * 127 + "example/", "not a valid name"),
        ("http://" + "ä" * 70 + ".example/", "not a valid name"),
        ("http://[::1/", "not a valid URL"),
        ("http://[x]/", "not a valid"),
        ("http://[fe80::1%25eth0]/", "not a valid address"),
        ("http://[2606:4700::1111].a.example/", "not a valid address"),
        ("http://a.example[::1]/", "not a valid"),
        ("http://[1:2:3]/", "not a valid"),
        ("http://a.example:99999/", "not a valid URL"),
        ("http://a.example:x/", "not a valid URL"),
        ("http://a.example:22/", "port 22"),
        ("http://a.example:25/", "port 25"),
        ("http://a.example:0/", "port 0"),
        ("https://a.example/" + "a" * 9000, "longer than"),
    ],
)  # fmt: skip
def test_a_hostile_url_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(Problem, match=why) as caught:
        read_url(url)
    assert caught.value.kind is Kind.INVALID_REQUEST


def test_a_full_width_address_is_read_as_the_address_it_is() -> None:
    place = read_url("http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/")
    assert place.host == "127.0.0.1"
    assert place.ip is not None
    assert not is_public(place.ip)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254",
        "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.8",
        "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
        "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "100.100.100.200", "168.63.129.16",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1",
        "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "fc00::1", "fd00:ec2::254",
        "fe80::1", "fe80::1%eth0", "2606:2800:220:1::1%eth0", "fec0::1", "ff02::1", "4000::1",
    ],
)  # fmt: skip
def test_an_address_off_the_public_internet_is_not_connected_to(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.128.0.1",
        "2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888",
    ],
)  # fmt: skip
def test_an_ordinary_address_is(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_calls_private(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_reserved:
        assert not is_public(ip)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/y", "https://a.example/y"),
        ("y?z", "https://a.example/b/y?z"),
        ("//c.example/y", "https://c.example/y"),
        ("http://c.example:8080/", "http://c.example:8080/"),
    ],
)
def test_a_redirection_is_read_from_where_it_was_found(location: str, expected: str) -> None:
    assert follow(read_url("https://a.example/b/x"), location).url == expected


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "http://localhost/", "http://2130706433/", "http://[", "//u@a.example/"],
)
def test_a_redirection_is_checked_as_the_first_url_is(location: str) -> None:
    with pytest.raises(Problem):
        follow(read_url("https://a.example/b/x"), location)


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://a.example/", "http://["]))
def test_garbage_gives_our_error_only(text: str, start: str) -> None:
    try:
        place = read_url(start + text)
    except Problem as problem:
        assert problem.kind is Kind.INVALID_REQUEST  # noqa: PT017 (it may also succeed)
        return
    assert place.host.isascii()
    assert place.target.isascii()
    assert read_url(place.url) == place
