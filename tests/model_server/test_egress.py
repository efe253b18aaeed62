"""A model's own web requests: answered from recordings by a real proxy, asked by the real requests, urllib and curl."""

from __future__ import annotations

import asyncio
import os
import shlex
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from model_server.egress.proxy import EgressProxy
from model_server.egress.recordings import find, how_to_record, location
from tests.other_user import answers_to_nobody, needs_root
from tests.other_user import get as get_request

PHOTO = b"\xff\xd8\xff\xe0 a photograph"


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "responses"
    (folder / "example.com" / "a").mkdir(parents=True)
    (folder / "example.com" / "a" / "dog.jpg").write_bytes(PHOTO)
    (folder / "example.com" / "index.html").write_text("<html>")
    (folder / "example.com" / "a" / "api%3Fq=1%2F2&x=%20y").write_text("{}")
    return folder


@pytest.fixture
async def proxy(recordings: Path, tmp_path: Path) -> AsyncIterator[EgressProxy]:
    proxy = EgressProxy([recordings], tmp_path)
    await proxy.start()
    yield proxy
    await proxy.close()


async def get(proxy: EgressProxy, url: str, method: str = "GET", **options: object) -> requests.Response:
    """What the real requests gives to code that knows nothing of a proxy but the environment."""
    environment = proxy.environment({})
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"http": environment["HTTP_PROXY"], "https": environment["HTTPS_PROXY"]}
        session.verify = environment["REQUESTS_CA_BUNDLE"]
        return await asyncio.to_thread(session.request, method, url, timeout=10, **options)  # type: ignore[arg-type]


class TestProxy:
    @pytest.mark.parametrize("scheme", ["http", "https"])
    async def test_a_recorded_url_is_answered_with_its_file_and_type(self, proxy: EgressProxy, scheme: str) -> None:
        answer = await get(proxy, f"{scheme}://example.com/a/dog.jpg")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.content == PHOTO

    async def test_head_has_the_length_and_no_body(self, proxy: EgressProxy) -> None:
        answer = await get(proxy, "https://example.com/a/dog.jpg", "HEAD")
        assert answer.headers["Content-Length"] == str(len(PHOTO))
        assert answer.content == b""

    async def test_the_query_is_part_of_the_recording(self, proxy: EgressProxy) -> None:
        assert (await get(proxy, "https://example.com/a/api?q=1/2&x=%20y")).text == "{}"
        assert (await get(proxy, "https://example.com/a/api?q=2")).status_code == 502

    @needs_root
    async def test_another_user_of_the_machine_is_refused(self, proxy: EgressProxy) -> None:
        request = get_request("http://example.com/a/dog.jpg")
        (answer,) = await asyncio.to_thread(answers_to_nobody, [("127.0.0.1", proxy.port, request)])
        assert answer.startswith("HTTP/1.1 403 ")
        assert answer.endswith("nobody (user id 65534) may not use it.\n")

    @pytest.mark.parametrize("url", ["http://nowhere.example/x.jpg", "https://nowhere.example:8443/x.jpg"])
    async def test_an_unknown_url_is_refused_with_how_to_record_it(
        self, proxy: EgressProxy, url: str, recordings: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        answer = await get(proxy, url)
        assert answer.status_code == 502
        host = url.split("/")[2]
        command = f"curl -sSL --create-dirs -o '{recordings}/{host}/x.jpg' '{url}'"
        sentence = f"The model's code asked for {url}, which is not recorded; record it with: {command}"
        assert answer.text == f"{sentence}\n"
        assert capsys.readouterr().err == f"model_server: {sentence}\n"

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    async def test_other_methods_are_refused_with_a_sentence(self, proxy: EgressProxy, method: str) -> None:
        answer = await get(proxy, "https://example.com/a/dog.jpg", method, data=b"x" * 100_000)
        assert answer.status_code == 502
        assert "only GET and HEAD can be answered from recordings" in answer.text

    async def test_nonsense_is_400(self, proxy: EgressProxy) -> None:
        for nonsense in (b"\x16\x03\x01 no HTTP\r\n\r\n", b"GET " + b"x" * 100_000 + b"\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(nonsense)
            assert (await reader.readline()).startswith(b"HTTP/1.1 400")
            writer.close()

    async def test_urllib_and_curl_find_it_by_the_environment_too(self, proxy: EgressProxy) -> None:
        environment = {**os.environ, **proxy.environment({})}
        url = "https://example.com/"
        program = f"import urllib.request as r; print(r.urlopen({url!r}).read().decode(), end='')"
        for command in ([sys.executable, "-c", program], ["curl", "-sS", url]):
            process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
            output, _ = await process.communicate()
            assert output == b"<html>"

    async def test_only_this_run_s_workers_trust_it(
        self, proxy: EgressProxy, capsys: pytest.CaptureFixture[str]
    ) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        with pytest.raises(ssl.SSLCertVerificationError):
            await writer.start_tls(ssl.create_default_context(), server_hostname="example.com")
        writer.close()

    async def test_loopback_stays_direct_and_the_user_s_exceptions_are_kept(self, proxy: EgressProxy) -> None:
        environment = proxy.environment({"NO_PROXY": "gateway.internal"})
        assert environment["NO_PROXY"] == environment["no_proxy"] == "127.0.0.1,localhost,::1,gateway.internal"


class TestLocation:
    @pytest.mark.parametrize(
        ("url", "place"),
        [
            ("https://Example.COM/a/b.jpg", "example.com/a/b.jpg"),
            ("http://example.com", "example.com/index.html"),
            ("http://example.com/a/", "example.com/a/index.html"),
            ("http://example.com:80/a", "example.com/a"),
            ("https://example.com:8443/a", "example.com:8443/a"),
            ("http://example.com/a%20b/c", "example.com/a%20b/c"),
            ("http://example.com/a//b", "example.com/a/b"),
            ("http://example.com/a?x=1&y=/z", "example.com/a%3Fx=1&y=%2Fz"),
            ("http://example.com/a/?x", "example.com/a/index.html%3Fx"),
        ],
    )
    def test_it_is_where_wget_and_curl_would_put_it(self, url: str, place: str) -> None:
        assert location(url) == Path(place)

    @pytest.mark.parametrize(
        "url",
        ["http://example.com/../secret", "http://example.com/a/../../b", "http:///a", "http://../a", "http://x:y/"],
    )
    def test_a_url_that_climbs_out_or_names_no_host_has_none(self, url: str) -> None:
        assert location(url) is None
        assert find([Path("/")], url) is None
        assert "cannot be recorded" in how_to_record([Path("/")], url)

    def test_a_name_too_long_for_a_file_is_cut_and_stays_its_own(self) -> None:
        one, two = (location(f"http://example.com/a?{'x' * 300}{end}") for end in "12")
        assert one is not None
        assert one != two
        assert len(one.name) == 150 + 1 + 64

    @given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
    def test_no_url_leads_out_of_the_folder(self, host: str, path: str) -> None:
        place = location(f"http://{host}/{path}") if "[" not in host and "]" not in host else None
        if place is not None:
            assert not place.is_absolute()
            assert ".." not in place.parts
            assert all(len(part.encode()) <= 255 for part in place.parts)

    def test_the_first_folder_wins(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / name / "h").mkdir(parents=True)
            (tmp_path / name / "h" / "f.txt").write_text(name)
        recording = find([tmp_path / "one", tmp_path / "two"], "http://h/f.txt")
        assert recording is not None
        assert recording.path.read_text() == "one"
        assert recording.content_type == "text/plain"

    def test_the_command_survives_a_shell(self) -> None:
        url = "http://example.com/it's?a=$HOME&b=`x`"
        command = how_to_record([Path("/r")], url).partition("record it with: ")[2]
        place = location(url)
        assert shlex.split(command) == ["curl", "-sSL", "--create-dirs", "-o", str(Path("/r") / str(place)), url]
