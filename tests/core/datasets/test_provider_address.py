"""Where a provider may lie: item 70 of the hostile list, and what a name may resolve to."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path

import pytest

from expert_studio.core.datasets.provider_address import parse_address, reach
from expert_studio.core.datasets.provider_failure import AddressRefused
from tests.provider_server import Conduct, Fault, ProviderServer
from tests.teacher_jobs import job_for, run_job

NEVER = (
    "http://169.254.169.254",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fe80::1]/v1",
    "http://[fe80::1%25eth0]/v1",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://metadata.google.internal/",
    "http://2130706433/v1",
    "http://2852039166/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://0/",
    "http://0.0.0.0:8000/v1",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://localhost./v1",
    "http://api.openai.com./v1",
    "http://a@b",
    "https://api.openai.com@127.0.0.1/v1",
    "http://user:word@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\t.example.com/",
    "http://example.com/v1?to=http://127.0.0.1",
    "http://example.com/v1#x",
    "http://①②⑦.⓪.⓪.①/",
    "http://exa mple.com/",
    "http://example.com:99999/",
    "http://example.com:0x50/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "file:///etc/passwd",
    "ftp://example.com/",
    "example.com",
    "http://",
    "https:///v1",
    "",
    "http://" + "a" * 3000,
)


@pytest.mark.parametrize("text", NEVER)
def test_addresses_that_are_never_dialled(text: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        parse_address(text)
    assert refused.value.why


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(AddressRefused) as refused:
        parse_address("http://user:hunter2secret@example.com/")
    assert "hunter2secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "host", "port", "local"),
    [
        ("https://api.openai.com/v1", "api.openai.com", 443, False),
        ("https://API.OpenAI.com/v1/", "api.openai.com", 443, False),
        ("https://bücher.example/v1", "xn--bcher-kva.example", 443, False),
        ("http://localhost:11434/v1", "localhost", 11434, True),
        ("http://127.0.0.1:1234/v1", "127.0.0.1", 1234, True),
        ("http://[::1]:8080/v1", "::1", 8080, True),
        ("http://192.168.1.20:8000/v1", "192.168.1.20", 8000, True),
        ("http://100.64.0.9/v1", "100.64.0.9", 80, True),
        ("https://8.8.8.8/v1", "8.8.8.8", 443, False),
    ],
)
def test_addresses_that_can_be_used(text: str, host: str, port: int, local: bool) -> None:
    address = parse_address(text)
    assert (address.host, address.port, address.local) == (host, port, local)


def test_only_the_very_address_a_person_gave_is_local() -> None:
    mine = parse_address("http://192.168.1.20:8000/v1")
    assert mine.allows(ip_address("192.168.1.20"))
    assert not mine.allows(ip_address("192.168.1.21"))
    assert not mine.allows(ip_address("127.0.0.1"))
    here = parse_address("http://localhost:8000/v1")
    assert here.allows(ip_address("::1"))
    assert not here.allows(ip_address("192.168.1.20"))
    far = parse_address("https://api.example.com")
    assert far.allows(ip_address("93.184.216.34"))
    for ip in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fc00::1", "::ffff:10.0.0.1"):
        assert not far.allows(ip_address(ip))


def test_reach_of_wrapped_addresses() -> None:
    assert reach(ip_address("::ffff:93.184.216.34")) == "public"
    assert reach(ip_address("::ffff:10.0.0.1")) == "never"
    assert reach(ip_address("2001:4860:4860::8888")) == "public"


@pytest.mark.parametrize(
    "resolved",
    [["127.0.0.1"], ["10.0.0.5"], ["169.254.169.254"], ["::1"], ["93.184.216.34", "127.0.0.1"]],
)
def test_a_public_name_that_leads_home_is_not_asked(resolved: list[str], tmp_path: Path) -> None:
    """DNS that names this machine, alone or among others (rebinding)."""
    server = ProviderServer()
    try:
        job = job_for(server, tmp_path)
        provider = job.provider.__class__(
            "tester",
            "Tester",
            "openai",
            f"https://api.example.com:{server.port}/v1",
            needs_key=False,
        )

        async def resolve(host: str, port: int) -> list[str]:
            await asyncio.sleep(0)
            return resolved

        report = run_job(job_for(server, tmp_path, provider=provider), tmp_path, resolve=resolve)
        assert report.end == "failed"
        assert report.failure is not None
        assert "leads to" in report.failure.why
        assert report.kept == 0
        assert report.spent.usd == 0
        assert server.asked == []
    finally:
        server.close()


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:{port}/v1/elsewhere", "http://169.254.169.254/", "//127.0.0.1/"]
)
def test_redirects_are_told_and_not_followed(target: str, tmp_path: Path) -> None:
    server = ProviderServer()
    try:
        server.conduct = Conduct(always=Fault("redirect", target.format(port=server.port)))
        report = run_job(job_for(server, tmp_path, concurrency=1), tmp_path)
        assert report.end == "failed"
        assert report.failure is not None
        assert "redirect" in report.failure.why
        assert [one.path for one in server.asked] == ["/v1/chat/completions"]
    finally:
        server.close()
