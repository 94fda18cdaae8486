"""Addresses: what is asked and what is shown of them, and which hosts are never connected to."""

import socket
from collections.abc import Sequence

import pytest

from utils.address.address import Address, is_address
from utils.address.checked import Gate, is_allowed
from utils.errors import AddressError


def refusal(text: str) -> str:
    with pytest.raises(AddressError) as caught:
        Address.read(text)
    assert caught.value.remedy
    return caught.value.problem


def test_an_address_is_asked_with_its_query_and_shown_without_it() -> None:
    address = Address.read(" HTTPS://Files.Example.ORG./a%20b/My walk.mp4?X-Signature=secret&y=1#part ")
    assert address.target == "/a%20b/My%20walk.mp4?X-Signature=secret&y=1"
    assert (address.authority, address.port, address.title) == ("files.example.org", 443, "My walk.mp4")
    assert address.shown == "https://files.example.org/a%20b/My%20walk.mp4"
    assert "secret" not in repr(address) + address.shown + address.title
    assert address.digest != Address.read(address.shown).digest
    assert Address.read("http://[2001:DB8::1]:8080").authority == "[2001:db8::1]:8080"
    assert Address.read("http://bücher.example/x").host == "xn--bcher-kva.example"
    assert Address.read("http://example.org/").title == "example.org"
    assert is_address("HTTP://x") and not is_address("clip.mp4") and not is_address("ftp://x/clip.mp4")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ftp://example.org/x", "Only addresses that begin with https"),
        ("file:///etc/passwd", "Only addresses that begin with https"),
        ("https:///x.mp4", "Only addresses that begin with https"),
        ("https://ada:word@example.org/x", "a name or a password"),
        ("https://example.org@inside/x", "a name or a password"),
        ("https://example.org:22/x", "Port 22"),
        ("http://example.org:0/x", "Port 0"),
        ("http://example.org:99999/x", "cannot be read"),
        ("http://exa\nmple.org/x", "cannot be read"),
        ("http://example.org\\@inside/x", "cannot be read"),
        ("http://[fe80::1%25eth0]/x", "is not a name"),
        ("http://[::1/x", "cannot be read"),
        ("http://a b.example/x", "is not a name"),
        ("http://example.org/" + "x" * 9000, "cannot be read"),
    ],
)
def test_what_is_not_a_plain_address_is_refused(text: str, says: str) -> None:
    assert says in refusal(text)


def test_redirects_are_read_as_strictly_and_never_leave_https() -> None:
    here = Address.read("https://example.org/a/b?secret=1")
    assert here.redirected("c.mp4").shown == "https://example.org/a/c.mp4"
    assert Address.read("http://example.org/").redirected("https://other.example/x").scheme == "https"
    for location, says in (
        ("http://example.org/x", "from https to http"),
        ("file:///etc/passwd", "Only addresses"),
        ("//ada@other.example/x", "a name or a password"),
        ("https://other.example:25/", "Port 25"),
    ):
        with pytest.raises(AddressError, match=says):
            here.redirected(location)


GLOBAL = ("8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8")
OWN = (
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1",
    "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:a00:1::1", "2002:7f00:1::",
)  # fmt: skip
NEVER = (
    "0.0.0.0", "169.254.169.254", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.88.99.1",
    "::", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "::7f00:1", "64:ff9b:1::1", "2001:0:1::1", "2001:db8::1",
    "3fff::1", "100::1", "5f00::1", "::ffff:169.254.169.254", "::ffff:0:7f00:1", "64:ff9b::a9fe:a9fe", "x", "",
)  # fmt: skip


@pytest.mark.parametrize("ip", (*GLOBAL, *OWN, *NEVER))
def test_only_hosts_of_the_internet_are_allowed_and_private_ones_only_by_consent(ip: str) -> None:
    assert is_allowed(ip) == (ip in GLOBAL)
    assert is_allowed(ip, private=True) == (ip in GLOBAL or ip in OWN)


class Names:
    """A resolver whose answers change from one question to the next, as those of an attacker do."""

    def __init__(self, *answers: Sequence[str] | OSError) -> None:
        self.answers, self.asked = list(answers), list[str]()

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


def test_the_connection_goes_to_the_checked_answer_and_no_name_is_looked_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected = list[tuple[str, int]]()

    def create_connection(target: tuple[str, int], timeout_s: float) -> socket.socket:
        connected.append(target)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    names = Names(["93.184.216.34", "2606:4700::1111"], ["127.0.0.1"])
    connection = Gate(resolver=names).connection(Address.read("http://rebinding.example:8080/x"), 1.0)
    with pytest.raises(ConnectionRefusedError):
        connection.connect()
    assert connected == [("93.184.216.34", 8080), ("2606:4700::1111", 8080)]
    assert names.asked == ["rebinding.example"]


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::ffff:192.168.0.1"], ["64:ff9b::a00:1"], []]
)
def test_a_name_with_one_private_answer_is_refused(answer: list[str]) -> None:
    with pytest.raises(AddressError, match="private network"):
        Gate(resolver=Names(answer)).connection(Address.read("https://inside.example/x"), 1.0)


def test_a_name_that_does_not_exist_is_told_and_one_that_may_be_there_later_is_tried_again() -> None:
    address = Address.read("https://absent.example/x")
    with pytest.raises(AddressError, match=r"no server of the name 'absent\.example'"):
        Gate(resolver=Names(socket.gaierror(socket.EAI_NONAME, "unknown"))).connection(address, 1.0)
    with pytest.raises(ConnectionError):
        Gate(resolver=Names(socket.gaierror(socket.EAI_AGAIN, "busy"))).connection(address, 1.0)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "localhost."])
def test_other_ways_to_write_this_machine_lead_to_it_and_are_refused(host: str) -> None:
    with pytest.raises(AddressError, match=r"private network|no server"):
        Gate().connection(Address.read(f"http://{host}:8080/x"), 1.0)
